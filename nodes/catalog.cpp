// nodes/catalog.cpp
//
// The catalogue: one line a node. (A list rather than objects that register themselves: a linker drops those
// from static libraries.)
#include "engine/core/node_catalog.hpp"

namespace streamlab {

extern const NodeEntry kAudioInputEntry;
extern const NodeEntry kAudioOutputEntry;
extern const NodeEntry kBatchEntry;
extern const NodeEntry kBiquadEntry;
extern const NodeEntry kChannelSelectEntry;
extern const NodeEntry kCsvSinkEntry;
extern const NodeEntry kDelayEntry;
extern const NodeEntry kFileSinkEntry;
extern const NodeEntry kFileSourceEntry;
extern const NodeEntry kFilterEntry;
extern const NodeEntry kGainEntry;
extern const NodeEntry kJoinEntry;
extern const NodeEntry kJsonlSinkEntry;
extern const NodeEntry kLevelMeterEntry;
extern const NodeEntry kMapEntry;
extern const NodeEntry kMergeEntry;
extern const NodeEntry kMixerEntry;
extern const NodeEntry kNullSinkEntry;
extern const NodeEntry kPrintEntry;
extern const NodeEntry kReduceEntry;
extern const NodeEntry kSineGeneratorEntry;
extern const NodeEntry kSkipEntry;
extern const NodeEntry kSpectrumEntry;
extern const NodeEntry kTakeEntry;
extern const NodeEntry kWindowEntry;

const NodeCatalog& default_catalog() {
  static constexpr const NodeEntry* kEntries[] = {
      &kAudioInputEntry,
      &kAudioOutputEntry,
      &kBatchEntry,
      &kBiquadEntry,
      &kChannelSelectEntry,
      &kCsvSinkEntry,
      &kDelayEntry,
      &kFileSinkEntry,
      &kFileSourceEntry,
      &kFilterEntry,
      &kGainEntry,
      &kJoinEntry,
      &kJsonlSinkEntry,
      &kLevelMeterEntry,
      &kMapEntry,
      &kMergeEntry,
      &kMixerEntry,
      &kNullSinkEntry,
      &kPrintEntry,
      &kReduceEntry,
      &kSineGeneratorEntry,
      &kSkipEntry,
      &kSpectrumEntry,
      &kTakeEntry,
      &kWindowEntry,
  };
  static const NodeCatalog kCatalog(kEntries);
  return kCatalog;
}

}  // namespace streamlab
