// ProgramMirror: a card's whole program as it was last told, with its position.
#pragma once

#include <map>
#include <vector>

#include "cluster/messages.h"

namespace enid::cluster {

contract::EntityId id_of(const contract::Entity& entity);

class ProgramMirror {
 public:
  void replace(Position position, const std::vector<contract::Entity>& entities);
  // False, and nothing changes: the delta does not follow.
  bool apply(std::uint64_t epoch, const contract::CardDelta& delta);

  const Position& position() const { return position_; }
  std::vector<contract::Entity> entities() const;

 private:
  Position position_;
  std::map<contract::EntityId, contract::Entity> entities_;
};

}  // namespace enid::cluster
