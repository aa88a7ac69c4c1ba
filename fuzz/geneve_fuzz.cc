// What stands before a frame between two cards: the options that the header promises are there, all of them.
#include "base/check.h"
#include "wire/geneve.h"

using namespace enid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ConstBytes payload(data, size);
  const auto header = wire::GeneveHeader::parse(payload);
  if (!header) return 0;
  CHECK(header->bytes() <= size && header->vni <= wire::GeneveHeader::kVniMax);
  std::size_t walked = 0;
  for (ConstBytes options = payload.subspan(wire::GeneveHeader::kBytesMin, header->option_bytes);
       !options.empty();) {
    const auto option = wire::GeneveOption::parse(options);
    CHECK(option.has_value());
    walked += options.size() - option->rest.size();
    options = option->rest;
  }
  CHECK(walked == header->option_bytes);
  return 0;
}
