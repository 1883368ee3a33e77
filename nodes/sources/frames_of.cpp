// nodes/sources/frames_of.cpp
#include "nodes/sources/frames_of.hpp"

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/stream/kept_frame.hpp"
#include "nodes/sound_file/sound_file_reader.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kMaxBlockFrames = 65536;

// What tells a file from another one of the same name, without reading it: size and time of the last change.
std::string look_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) { return "unknown"; }
  return fmt::format("{} bytes of {:%Y-%m-%dT%H:%M:%S}.{:09}Z", status.st_size,
                     fmt::gmtime(status.st_mtim.tv_sec), status.st_mtim.tv_nsec);
}

class FileFrames final : public Source<DataFrame> {
 public:
  FileFrames(std::string path, std::uint32_t block_frames)
      : Source<DataFrame>("frames_of"), path_(std::move(path)), block_frames_(block_frames) {
    if (block_frames == 0 || block_frames > kMaxBlockFrames) {
      refuse(fmt::format("blocks of {} frames", block_frames), fmt::format("1 .. {}", kMaxBlockFrames));
    }
  }

  // After start().
  std::string signature() const override {
    return fmt::format("frames_of({}, {}; {})", path_, block_frames_, look_);
  }
  Result<void> start(StreamRun& run) override {
    if (auto started = Source<DataFrame>::start(run); !started) { return started; }
    auto opened = open();
    if (!opened) { run.fail(stats_.name, 0, opened.error()); }
    return opened;
  }
  Result<void> save(ByteWriter& to) const override {
    to.put<std::uint64_t>(reader_ ? reader_->position() : 0);
    to.put(sequence_id_);
    return {};
  }
  Result<void> load(ByteReader& from) override {
    std::uint64_t position = 0;
    if (auto read = from.get_to(position); !read) { return read; }
    if (auto read = from.get_to(sequence_id_); !read) { return read; }
    return reader_->seek(position);
  }
  void halt(StreamRun& run) noexcept override {
    if (reader_) {
      for (const std::string& warning : reader_->info().warnings) {
        run.note(fmt::format("{}: {}", path_, warning));
      }
      for (const std::string& loss : reader_->losses()) { run.note(fmt::format("{}: {}", path_, loss)); }
    }
    StageBase::halt(run);
  }

 protected:
  Poll produce(StreamRun& run, DataFrame*& item) override {
    const auto missing = reader_->skip_missing();
    if (!missing) { return run.fail(stats_.name, stats_.out, missing.error()); }
    replace_if_kept(*frame_, format_);
    frame_->set_frame_count(block_frames_);
    for (std::uint32_t c = 0; c < frame_->channel_count(); ++c) { planar_[c] = frame_->channel_data(c); }
    const auto position = static_cast<std::int64_t>(reader_->position());
    const auto block = reader_->read(planar_.data(), block_frames_);
    if (!block) { return run.fail(stats_.name, stats_.out, block.error()); }
    if (block->frames == 0) { return Poll::ended; }
    const std::array<DataFrame*, 1> frames{&*frame_};
    OutputPort port;
    port.bind(frames.data(), 1);
    port.trigger(sequence_id_++, std::nullopt);
    port.emit_at(position, static_cast<std::uint32_t>(block->frames), reader_->info().sample_rate_hz);
    if (*missing > 0) {
      frame_->header().set(FrameFlag::gap);
      frame_->header().gap_frames = *missing;
    }
    if (!block->counts.all_below) { flag_bad_samples(*frame_); }
    const auto next = reader_->next_frame();  // if that fails, it is told next time
    if (next && !*next) { frame_->header().set(FrameFlag::end_of_stream); }
    item = &*frame_;
    return Poll::item;
  }

 private:
  Result<void> open() {
    auto reader = SoundFileReader::open(path_);
    if (!reader) { return tl::unexpected(reader.error()); }
    reader_ = std::move(*reader);
    look_ = look_of(path_);
    const SoundFileInfo& info = reader_->info();
    format_ = std::make_shared<const StreamFormat>(audio_format(
        info.sample_rate_hz, default_channel_names(info.channels), block_frames_, info.clip_level));
    frame_.emplace(format_);
    planar_.resize(info.channels);
    return {};
  }

  const std::string path_;
  const std::uint32_t block_frames_;
  std::optional<SoundFileReader> reader_;
  std::string look_;
  std::shared_ptr<const StreamFormat> format_;
  std::optional<DataFrame> frame_;
  std::vector<double*> planar_;
  std::uint64_t sequence_id_ = 0;
};

}  // namespace

Stream<DataFrame> FramesOf::operator()(std::string path, std::uint32_t block_frames) const {
  return Stream<DataFrame>(std::make_unique<FileFrames>(std::move(path), block_frames));
}

}  // namespace streamlab
