#include "wire/pcapng.h"

namespace enid::wire::pcapng {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint16_t kLinkTypeEthernet = 1;

// Option codes; the same number means another thing in another block.
constexpr std::uint16_t kOptionEnd = 0;
constexpr std::uint16_t kOptionComment = 1;
constexpr std::uint16_t kInterfaceName = 2;
constexpr std::uint16_t kInterfaceDescriptionText = 3;
constexpr std::uint16_t kInterfaceTimeResolution = 9;
constexpr std::uint16_t kPacketFlags = 2;
constexpr std::uint16_t kSectionApplication = 4;

constexpr std::size_t kOptionBytesMax = 65'535;

class Block {
 public:
  explicit Block(std::uint32_t type) {
    put32(type);
    put32(0);  // The length, known at the end.
  }

  void put16(std::uint16_t v) { put_little(v, 2); }
  void put32(std::uint32_t v) { put_little(v, 4); }
  void put64(std::uint64_t v) { put_little(v, 8); }

  void put_padded(std::string_view bytes) {
    text_.append(bytes);
    text_.append((4 - bytes.size() % 4) % 4, '\0');
  }

  void put_option(std::uint16_t code, std::string_view value) {
    value = value.substr(0, kOptionBytesMax);
    put16(code);
    put16(static_cast<std::uint16_t>(value.size()));
    put_padded(value);
  }

  void put_text_option(std::uint16_t code, std::string_view value) {
    if (!value.empty()) put_option(code, value);
  }

  std::string finish() && {
    put16(kOptionEnd);
    put16(0);
    const auto total = static_cast<std::uint32_t>(text_.size() + 4);
    put32(total);
    for (std::size_t i = 0; i < 4; ++i) text_[4 + i] = static_cast<char>(total >> (8 * i) & 0xff);
    return std::move(text_);
  }

 private:
  void put_little(std::uint64_t v, int bytes) {
    for (int i = 0; i < bytes; ++i) text_.push_back(static_cast<char>(v >> (8 * i) & 0xff));
  }

  std::string text_;
};

}  // namespace

std::string section_header(std::string_view application) {
  Block block(kSectionHeader);
  block.put32(kByteOrderMagic);
  block.put16(1);  // Version 1.0.
  block.put16(0);
  block.put64(~std::uint64_t{0});  // The section's length: not known, this is a stream.
  block.put_text_option(kSectionApplication, application);
  return std::move(block).finish();
}

std::string interface_description(std::string_view name, std::string_view description,
                                  std::uint32_t snap_bytes) {
  Block block(kInterfaceDescription);
  block.put16(kLinkTypeEthernet);
  block.put16(0);
  block.put32(snap_bytes);
  block.put_text_option(kInterfaceName, name);
  block.put_text_option(kInterfaceDescriptionText, description);
  block.put_option(kInterfaceTimeResolution, std::string_view("\x09", 1));  // 10^-9 seconds.
  return std::move(block).finish();
}

std::string packet(const PacketNote& note, ConstBytes frame) {
  const auto time = static_cast<std::uint64_t>(note.nanoseconds_since_epoch);
  Block block(kEnhancedPacket);
  block.put32(note.interface);
  block.put32(static_cast<std::uint32_t>(time >> 32));
  block.put32(static_cast<std::uint32_t>(time));
  block.put32(static_cast<std::uint32_t>(frame.size()));
  block.put32(note.original_bytes == 0 ? static_cast<std::uint32_t>(frame.size()) : note.original_bytes);
  block.put_padded(as_text(frame));
  block.put_text_option(kOptionComment, note.comment);
  const char flags[4] = {static_cast<char>(note.direction), 0, 0, 0};
  block.put_option(kPacketFlags, std::string_view(flags, sizeof flags));
  return std::move(block).finish();
}

}  // namespace enid::wire::pcapng
