// bench/files/file_copy_bench.cpp
//
// A minute of stereo float32 at 48 kHz from file to file, as x real time, four ways:
//
//   raw                read() and write() of 128 KiB at a time: the limit, nothing is converted
//   libsndfile         sf_readf_double and sf_writef_double, the usual way to do it
//   reader_to_writer   SoundFileReader and SoundFileWriter, blocks of N frames
//   source_to_sink     the nodes FileSource and FileSink, blocks of N frames, called as the engine calls them
//
// The input is in the page cache; the output is a new file every time, in the folder for temporary files (set
// TMPDIR to measure another file system). What is timed ends when the kernel has the bytes, not the disk.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sndfile.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"
#include "engine/graph/read_params.hpp"
#include "nodes/sound_file/sound_file_reader.hpp"
#include "nodes/sound_file/sound_file_writer.hpp"

namespace streamlab {
namespace {

constexpr double kRateHz = 48000.0;
constexpr double kSeconds = 60.0;
constexpr std::size_t kPieceBytes = 128 * 1024;

void require(bool good, const char* what) {
  if (!good) { throw std::runtime_error(what); }
}

// The folder and the input file, made at the first use and removed at the end.
class Files {
 public:
  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "streamlab_bench_XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr, "no temporary folder");
    folder_ = name;
    auto writer = SoundFileWriter::create(input(), {}, Overwrite::no);
    require(writer.has_value(), "no input file");
    std::vector<double> left(static_cast<std::size_t>(kRateHz));
    std::vector<double> right(left.size());
    const double* const planar[] = {left.data(), right.data()};
    for (int second = 0; second < static_cast<int>(kSeconds); ++second) {
      for (std::size_t n = 0; n < left.size(); ++n) {
        const double t = second + static_cast<double>(n) / kRateHz;
        left[n] = 0.5 * std::sin(2765.0 * t);
        right[n] = 0.3 * std::sin(4321.0 * t);
      }
      require(writer->write(planar, left.size()).has_value(), "the input file cannot be written");
    }
    require(writer->close().has_value(), "the input file cannot be written");
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string input() const { return (folder_ / "in.wav").string(); }
  std::string output() const { return (folder_ / "out.wav").string(); }

 private:
  std::filesystem::path folder_;
};

const Files& files() {
  static const Files kFiles;
  return kFiles;
}

// Runs copy(input, output) over and over, each time to a new file.
template <class Copy>
void measure(benchmark::State& state, Copy copy) {
  for (auto _ : state) {
    state.PauseTiming();
    std::filesystem::remove(files().output());
    state.ResumeTiming();
    copy(files().input(), files().output());
  }
  state.counters["x_real_time"] = benchmark::Counter(kSeconds, benchmark::Counter::kIsIterationInvariantRate,
                                                     benchmark::Counter::kIs1000);
}

void raw(benchmark::State& state) {
  std::vector<char> piece(kPieceBytes);
  measure(state, [&](const std::string& input, const std::string& output) {
    const int in = open(input.c_str(), O_RDONLY | O_CLOEXEC);
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    for (ssize_t count = 0; (count = read(in, piece.data(), piece.size())) > 0;) {
      require(write(out, piece.data(), static_cast<std::size_t>(count)) == count, "cannot write");
    }
    close(in);
    close(out);
  });
}

void libsndfile(benchmark::State& state) {
  const auto block = static_cast<std::size_t>(state.range(0));
  std::vector<double> samples(2 * block);
  measure(state, [&](const std::string& input, const std::string& output) {
    SF_INFO info{};
    SNDFILE* const in = sf_open(input.c_str(), SFM_READ, &info);
    SNDFILE* const out = sf_open(output.c_str(), SFM_WRITE, &info);
    require(in != nullptr && out != nullptr, "cannot open");
    for (sf_count_t count = 0;
         (count = sf_readf_double(in, samples.data(), static_cast<sf_count_t>(block))) > 0;) {
      require(sf_writef_double(out, samples.data(), count) == count, "cannot write");
    }
    sf_close(in);
    sf_close(out);
  });
}

void reader_to_writer(benchmark::State& state) {
  const auto block = static_cast<std::size_t>(state.range(0));
  std::vector<double> left(block);
  std::vector<double> right(block);
  double* const planar[] = {left.data(), right.data()};
  measure(state, [&](const std::string& input, const std::string& output) {
    auto reader = SoundFileReader::open(input);
    auto writer = SoundFileWriter::create(output, {}, Overwrite::no);
    require(reader && writer, "cannot open");
    for (;;) {
      const auto got = reader->read(planar, block);
      require(got.has_value(), "cannot read");
      if (got->frames == 0) { break; }
      require(writer->write(planar, got->frames).has_value(), "cannot write");
    }
    require(writer->close().has_value(), "cannot close");
  });
}

std::unique_ptr<Node> make(std::string_view type, const nlohmann::json& config) {
  const NodeEntry* const entry = default_catalog().find(type);
  Errors errors;
  const ParamValues params = read_params(config, entry->info.params, "", errors);
  require(errors.empty(), "refused");
  return entry->make(params);
}

void source_to_sink(benchmark::State& state) {
  PrepareContext context;
  context.sample_rate_hz = kRateHz;
  context.block_size = static_cast<std::uint32_t>(state.range(0));
  measure(state, [&](const std::string& input, const std::string& output) {
    const auto source = make("FileSource", {{"path", input}});
    const auto sink = make("FileSink", {{"path", output}});
    const auto formats = source->prepare(context);
    require(formats.has_value(), "refused");
    DataFrame block(std::make_shared<const StreamFormat>((*formats)[0].format));
    const StreamFormat* const format = &block.format();
    PrepareContext sink_context = context;
    sink_context.inputs = {&format, 1};
    require(sink->prepare(sink_context).has_value() && sink->start().has_value(), "refused");
    DataFrame* const frames[] = {&block};
    const DataFrame* const inputs[] = {&block};
    OutputPort port[1];
    for (std::uint64_t sequence_id = 0;; ++sequence_id) {
      port[0].bind(frames, 1);
      port[0].trigger(sequence_id, std::nullopt);
      if (source->process({}, port) != Status::ok) { break; }
      require(sink->process(inputs, {}) == Status::ok, "cannot write");
    }
    require(sink->close().has_value(), "cannot close");
  });
}

BENCHMARK(raw)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(libsndfile)->Arg(1024)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(reader_to_writer)->Arg(256)->Arg(1024)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(source_to_sink)->Arg(256)->Arg(1024)->Arg(4096)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
