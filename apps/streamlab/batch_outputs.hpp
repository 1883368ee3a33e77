// apps/streamlab/batch_outputs.hpp
//
// What a batch would write, and what speaks against it, before anything is started.
#pragma once

#include <string>
#include <vector>

#include "apps/streamlab/batch_job.hpp"
#include "apps/streamlab/batch_record.hpp"
#include "apps/streamlab/batch_resume.hpp"
#include "apps/streamlab/commands.hpp"
#include "engine/base/error.hpp"

namespace streamlab::app {

// Where the record of a batch is: beside its table, else where its files go. Empty: there is nothing to record.
std::string record_path(const BatchArguments& arguments, const BatchPlan& plan);

// Several things that would go to standard output.
Errors check_standard_output(const BatchArguments& arguments, const BatchPlan& plan);

// Everything that two files would write to the same place, every file that is read and would be written over, and what
// exists and may not be replaced: with --resume, all that is not in the record (null: there is none). `items` get their outputs.
Errors check_outputs(const BatchPlan& plan, const BatchArguments& arguments, const BatchRecord* record,
                     std::vector<BatchItem>& items);

}  // namespace streamlab::app
