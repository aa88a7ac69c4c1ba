// Overload: a visitor made of one function for each alternative, for std::visit.
#pragma once

namespace enid::cluster {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

}  // namespace enid::cluster
