// The images that enid runs: the host's own Linux in namespaces, and a virtual machine with emulated network
// cards.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace enid::vpc {

struct Image {
  std::string_view id;
  std::string_view name;
  std::string_view description;
  bool is_virtual_machine;
};

inline constexpr std::array<Image, 2> kImages{{
    {"ami-0e1d0000000000001", "enid-linux-netns", "The host's own Linux, in namespaces of its own", false},
    // Chosen: a word instead of digits, for people to type.
    {"ami-linux-vm", "enid-linux-vm", "Debian's kernel in a virtual machine, with ENA devices", true},
}};

inline constexpr const Image& kDefaultImage = kImages[0];

constexpr const Image* find_image(std::string_view id) {
  const auto* found = std::ranges::find(kImages, id, &Image::id);
  return found == kImages.end() ? nullptr : found;
}

}  // namespace enid::vpc
