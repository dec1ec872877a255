// Copying runs of bytes: large ones in the kernel, small ones gathered in a buffer. Reading ahead
// and writing back go on while the next run is copied.
#include "rewrite/copy.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "fail.h"
#include "gguf/pending_file.h"
#include "gguf/quoted.h"
#include "quant/dequantize.h"
#include "quant/encode.h"
#include "rewrite/runs.h"

namespace weld::rewrite {
namespace {

/// Runs from this size on are worth a system call of their own.
constexpr uint64_t large_run = 256U << 10U;
constexpr uint64_t buffer_bytes = 4U << 20U;
/// Copied between two looks at the clock, and read ahead.
constexpr uint64_t step_bytes = 16U << 20U;
/// How much is handed to the disk at a time: little enough to keep it busy while the rest is made,
/// much enough for few, long writes.
constexpr uint64_t flush_bytes = 64U << 20U;
constexpr const char* pending_suffix = ".weld-tmp";

/// A file under its temporary name, removed again unless it is renamed. Its name is always the
/// same, so that a dead process's file is found and overwritten; a lock tells a live one's.
class PendingFile {
 public:
  explicit PendingFile(const std::string& target) : target_(target), file_(open(target)) {
    file_.resize(0);
  }
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile() {
    if (renamed_) return;
    try {
      remove_file(file_.path());
    } catch (const Error&) {  // what went wrong before is told
    }
  }

  const DiskFile& file() const { return file_; }
  const std::string& target() const { return target_; }
  void rename() {
    rename_file(file_.path(), target_);
    renamed_ = true;
  }

 private:
  static DiskFile open(const std::string& target) {
    for (;;) {
      DiskFile file(target + pending_suffix, DiskFile::Mode::Create);
      if (!file.lock(true)) fail("{}: is being written by another process", gguf::plain(target));
      // Between opening and locking its writer may have finished and renamed it.
      if (file.is_at_path()) return file;
    }
  }

  std::string target_;
  DiskFile file_;
  bool renamed_ = false;
};

class Copier {
 public:
  Copier(const gguf::File& source, const Progress& progress)
      : source_(source),
        progress_(progress),
        prefetched_(source.tensors().size()),
        buffer_(buffer_bytes) {
    for (const gguf::Shard& shard : source.shards()) {
      files_.emplace_back(shard.path, DiskFile::Mode::Read);
      if (!files_.back().lock(false))
        fail("{}: is being rewritten by another process", gguf::plain(shard.path));
    }
    check_unchanged();
  }

  const RetypeError& retype_error() const { return error_; }

  void write(const OutputShard& shard, const DiskFile& out) {
    out_ = &out;
    out.resize(shard.bytes);
    out.allocate(shard.bytes);
    position_ = flushed_ = 0;
    put(shard.header);
    for (const OutputTensor* tensor : by_offset(shard)) {
      seek(shard.data_start + tensor->offset);
      write_tensor(*tensor);
    }
    flush();
    out.sync();
  }

  void copy_whole(size_t shard, const DiskFile& out) {
    out_ = &out;
    out.resize(source_.shards()[shard].bytes);
    out.allocate(source_.shards()[shard].bytes);
    position_ = flushed_ = 0;
    uint64_t prefetched = 0;
    copy(files_[shard], 0, source_.shards()[shard].bytes, &prefetched);
    flush();
    out.sync();
  }

 private:
  /// Before the files were locked somebody may have rewritten them.
  void check_unchanged() const {
    const gguf::File now = gguf::File::open(source_.path());
    const auto same = [](const gguf::Tensor& a, const gguf::Tensor& b) {
      return a.shard == b.shard && a.offset == b.offset && a.bytes == b.bytes;
    };
    if (now.bytes() != source_.bytes() ||
        !std::equal(now.tensors().begin(), now.tensors().end(), source_.tensors().begin(),
                    source_.tensors().end(), same))
      fail("{}: was changed while it was read", gguf::plain(source_.path()));
  }

  /// Goes on at a later place of the output; what lies between is zeros.
  void seek(uint64_t offset) {
    const uint64_t gap = offset - (position_ + buffered_);
    if (buffered_ > 0 && gap < buffer_.size() - buffered_) {
      std::fill_n(buffer_.begin() + static_cast<ptrdiff_t>(buffered_), gap, std::byte{0});
      buffered_ += gap;
    } else {
      flush();
      position_ = offset;
    }
  }

  void write_tensor(const OutputTensor& tensor) {
    for_each_run(tensor, [&](const Part& part, uint64_t offset, uint64_t bytes) {
      const gguf::Tensor& source = source_.tensors()[part.source.tensor];
      const DiskFile& file = files_[static_cast<size_t>(source.shard)];
      if (part.type == tensor.type)
        copy(file, source.offset + offset, bytes, &prefetched_[part.source.tensor]);
      else
        encode(file, source, source.offset + offset, bytes, tensor.type);
    });
  }

  /// The next bytes of the output come from here.
  void copy(const DiskFile& file, uint64_t offset, uint64_t bytes, uint64_t* prefetched) {
    if (bytes < large_run) {
      if (buffered_ + bytes > buffer_.size()) flush();
      file.read(std::span(buffer_).subspan(buffered_, bytes), offset);
      buffered_ += bytes;
      return;
    }
    flush();
    while (bytes > 0) {
      const uint64_t step = std::min(bytes, step_bytes);
      if (offset + step + step_bytes / 2 > *prefetched) {
        const uint64_t next = std::max(offset + step, *prefetched);
        file.prefetch(next, step_bytes);
        *prefetched = next + step_bytes;
      }
      out_->copy_from(file, offset, position_, step);
      wrote(step);
      offset += step;
      bytes -= step;
    }
  }

  /// The next bytes of the output are these.
  void put(std::span<const std::byte> bytes) {
    flush();
    out_->write(bytes, position_);
    wrote(bytes.size());
  }

  /// Encodes a run of rows of another type.
  void encode(const DiskFile& file, const gguf::Tensor& source, uint64_t offset, uint64_t bytes,
              gguf::Type type) {
    const gguf::TypeInfo& from = gguf::info(source.type);
    const gguf::TypeInfo& to = gguf::info(type);
    // Whole blocks of both types.
    constexpr uint64_t elements_at_once = 1U << 16U;
    const uint64_t unit = elements_at_once / from.block_elements * from.block_bytes;
    std::vector<std::byte> in, out;
    std::vector<float> values, decoded;
    while (bytes > 0) {
      const uint64_t part = std::min(bytes, unit);
      const uint64_t elements = part / from.block_bytes * from.block_elements;
      in.resize(part);
      out.resize(elements / to.block_elements * to.block_bytes);
      values.resize(elements);
      decoded.resize(elements);
      file.read(in, offset);
      const auto n = static_cast<int64_t>(elements);
      quant::dequantize(source.type, in.data(), n, values.data());
      quant::encode(type, values.data(), n, out.data());
      quant::dequantize(type, out.data(), n, decoded.data());
      for (size_t i = 0; i < elements; ++i) {
        error_.squares += double{values[i]} * values[i];
        error_.errors += (double{decoded[i]} - values[i]) * (double{decoded[i]} - values[i]);
      }
      put(out);
      offset += part;
      bytes -= part;
    }
  }

  void flush() {
    if (buffered_ == 0) return;
    const size_t bytes = std::exchange(buffered_, 0);
    out_->write(std::span(buffer_).first(bytes), position_);
    wrote(bytes);
  }

  void wrote(uint64_t bytes) {
    position_ += bytes;
    if (position_ - flushed_ >= flush_bytes) {
      out_->flush(flushed_, position_ - flushed_);
      flushed_ = position_;
    }
    if (!progress_(bytes)) fail("interrupted");
  }

  const gguf::File& source_;
  const Progress& progress_;
  std::deque<DiskFile> files_;
  std::vector<uint64_t> prefetched_;  ///< for each source tensor, up to which byte of its file
  std::vector<std::byte> buffer_;
  size_t buffered_ = 0;
  uint64_t flushed_ = 0;  ///< up to where writing to the disk has begun
  const DiskFile* out_ = nullptr;
  uint64_t position_ = 0;  ///< in the output, of what is buffered or comes next
  RetypeError error_;
};

void refuse_inputs(const gguf::File& file, const Layout& layout) {
  for (const OutputShard& out : layout.shards)
    for (const gguf::Shard& in : file.shards())
      if (is_same_file(in.path, out.path))
        fail("{}: is the input too; --in-place rewrites a file where it is", gguf::plain(out.path));
}

}  // namespace

uint64_t output_bytes(const Layout& layout) {
  uint64_t sum = 0;
  for (const OutputShard& shard : layout.shards) {
    sum += shard.header.size();
    for (const OutputTensor& tensor : shard.tensors) sum += tensor.bytes;
  }
  return sum;
}

RetypeError write_layout(const gguf::File& file, const Layout& layout, const Progress& progress) {
  refuse_inputs(file, layout);
  Copier copier(file, progress);
  std::deque<PendingFile> pending;
  for (size_t s = 0; s < layout.shards.size(); ++s) {
    const std::string target = gguf::resolve(layout.shards[s].path);
    if (exists(target)) DiskFile(target, DiskFile::Mode::Read);  // to say that it is no file
    pending.emplace_back(target);
    if (layout.unchanged)
      copier.copy_whole(s, pending.back().file());
    else
      copier.write(layout.shards[s], pending.back().file());
  }
  const std::string& first = pending.front().target();
  sync_folder(first);
  if (pending.size() > 1 && remove_file(first)) sync_folder(first);
  for (size_t s = pending.size(); s-- > 1;) pending[s].rename();
  if (pending.size() > 1) sync_folder(first);
  pending.front().rename();
  sync_folder(first);
  return copier.retype_error();
}

}  // namespace weld::rewrite
