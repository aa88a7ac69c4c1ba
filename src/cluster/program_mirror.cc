#include "cluster/program_mirror.h"

namespace enid::cluster {

contract::EntityId id_of(const contract::Entity& entity) {
  return std::visit([](const auto& program) -> contract::EntityId { return program.id; }, entity);
}

void ProgramMirror::replace(Position position, const std::vector<contract::Entity>& entities) {
  position_ = position;
  entities_.clear();
  for (const contract::Entity& entity : entities) entities_.insert_or_assign(id_of(entity), entity);
}

bool ProgramMirror::apply(std::uint64_t epoch, const contract::CardDelta& delta) {
  if (epoch != position_.epoch || delta.revision != position_.revision + 1) return false;
  position_.revision = delta.revision;
  for (const contract::EntityId& id : delta.removes) entities_.erase(id);
  for (const contract::Entity& entity : delta.upserts) entities_.insert_or_assign(id_of(entity), entity);
  return true;
}

std::vector<contract::Entity> ProgramMirror::entities() const {
  std::vector<contract::Entity> all;
  all.reserve(entities_.size());
  for (const auto& [id, entity] : entities_) all.push_back(entity);
  return all;
}

}  // namespace enid::cluster
