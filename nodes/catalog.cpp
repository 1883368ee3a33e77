// nodes/catalog.cpp
//
// The catalogue: one line per node. (A list, not self-registering objects: a linker drops those from static
// libraries.)
#include "engine/core/node_catalog.hpp"

namespace streamlab {

extern const NodeEntry kAudioInputEntry;
extern const NodeEntry kAudioOutputEntry;
extern const NodeEntry kBatchEntry;
extern const NodeEntry kBiquadEntry;
extern const NodeEntry kBufferEntry;
extern const NodeEntry kChannelSelectEntry;
extern const NodeEntry kChannelSinkEntry;
extern const NodeEntry kChannelSourceEntry;
extern const NodeEntry kCircuitBreakerEntry;
extern const NodeEntry kConflateEntry;
extern const NodeEntry kCsvSinkEntry;
extern const NodeEntry kDebounceEntry;
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
extern const NodeEntry kPipeSinkEntry;
extern const NodeEntry kPipeSourceEntry;
extern const NodeEntry kPrintEntry;
extern const NodeEntry kProcessEntry;
extern const NodeEntry kRateLimitEntry;
extern const NodeEntry kReduceEntry;
extern const NodeEntry kSampleEntry;
extern const NodeEntry kSineGeneratorEntry;
extern const NodeEntry kSkipEntry;
extern const NodeEntry kSpectrumEntry;
extern const NodeEntry kTakeEntry;
extern const NodeEntry kThrottleEntry;
extern const NodeEntry kWindowEntry;

const NodeCatalog& default_catalog() {
  static constexpr const NodeEntry* kEntries[] = {
      &kAudioInputEntry,  &kAudioOutputEntry,   &kBatchEntry,
      &kBiquadEntry,      &kBufferEntry,        &kChannelSelectEntry,
      &kChannelSinkEntry, &kChannelSourceEntry, &kCircuitBreakerEntry,
      &kConflateEntry,    &kCsvSinkEntry,       &kDebounceEntry,
      &kDelayEntry,       &kFileSinkEntry,      &kFileSourceEntry,
      &kFilterEntry,      &kGainEntry,          &kJoinEntry,
      &kJsonlSinkEntry,   &kLevelMeterEntry,    &kMapEntry,
      &kMergeEntry,       &kMixerEntry,         &kNullSinkEntry,
      &kPipeSinkEntry,    &kPipeSourceEntry,    &kPrintEntry,
      &kProcessEntry,     &kRateLimitEntry,     &kReduceEntry,
      &kSampleEntry,      &kSineGeneratorEntry, &kSkipEntry,
      &kSpectrumEntry,    &kTakeEntry,          &kThrottleEntry,
      &kWindowEntry,
  };
  static const NodeCatalog kCatalog(kEntries);
  return kCatalog;
}

}  // namespace streamlab
