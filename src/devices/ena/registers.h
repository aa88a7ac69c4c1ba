// The registers of an Elastic Network Adapter, by name.
//
//   Documented: Linux drivers/net/ethernet/amazon/ena/ena_regs_defs.h; the names in comments are its.
#pragma once

#include <cstdint>
#include <string_view>

namespace enid::devices::ena {

enum class Register : std::uint16_t {
  kVersion = 0x00,
  kControllerVersion = 0x04,
  kCapabilities = 0x08,  // CAPS
  kCapabilitiesExtension = 0x0c,
  kAdminQueueBaseLow = 0x10,
  kAdminQueueBaseHigh = 0x14,
  kAdminQueueCapabilities = 0x18,  // AQ_CAPS: depth, entry size.
  kAdminCompletionBaseLow = 0x20,
  kAdminCompletionBaseHigh = 0x24,
  kAdminCompletionCapabilities = 0x28,
  kAdminQueueDoorbell = 0x2c,
  kEventQueueCapabilities = 0x34,  // AENQ_CAPS
  kEventQueueBaseLow = 0x38,
  kEventQueueBaseHigh = 0x3c,
  kEventQueueHeadDoorbell = 0x40,
  kInterruptMask = 0x4c,
  kDeviceControl = 0x54,
  kDeviceStatus = 0x58,
  kReadRequest = 0x5c,  // MMIO_REG_READ: what to write where kReadResponse… says.
  kReadResponseLow = 0x60,
  kReadResponseHigh = 0x64,
};

// Version 0.10 of the interface, controller 0.0.1 of implementation 1: drivers refuse less.
constexpr std::uint32_t kVersionValue = 0x000a;
constexpr std::uint32_t kControllerVersionValue = 0x0100'0001;

// CAPS: contiguous queues, a reset takes at most 3 s, 48 address bits. No time for admin commands: drivers
// then wait for theirs, 3 s. Observed: DPDK fails with one that is not a whole number of seconds.
constexpr std::uint32_t kCapabilitiesValue = 1 | 30u << 1 | 48u << 8;

constexpr std::uint32_t kDeviceControlReset = 1;
constexpr std::uint32_t kDeviceStatusReady = 1 << 0;
constexpr std::uint32_t kDeviceStatusResetInProgress = 1 << 3;
constexpr std::uint32_t kDeviceStatusFatalError = 1 << 5;

// Bits 15:0 of a queue's capabilities are its depth, the others its entry's bytes.
constexpr std::uint16_t kAdminEntryBytes = 64;
// Chosen: drivers use 2 to 32, and one doorbell must not keep the device busy for long.
constexpr std::uint16_t kAdminDepthMax = 256;

constexpr std::uint32_t reset_reason(std::uint32_t control) {
  return (control >> 28) | (control >> 24 & 0xf) << 4;
}

// ena_regs_reset_reason_types, for logs.
constexpr std::string_view reset_reason_name(std::uint32_t reason) {
  constexpr std::string_view kNames[] = {"normal",
                                         "keep-alive timeout",
                                         "admin timeout",
                                         "missing transmit completions",
                                         "invalid receive request id",
                                         "invalid transmit request id",
                                         "too many receive descriptors",
                                         "initialization error",
                                         "invalid driver state",
                                         "operating system trigger",
                                         "operating system watchdog",
                                         "shutdown",
                                         "user trigger",
                                         "generic",
                                         "missed interrupt",
                                         "suspected poll starvation",
                                         "malformed receive descriptor",
                                         "malformed transmit descriptor"};
  return reason < std::size(kNames) ? kNames[reason] : "unknown";
}

}  // namespace enid::devices::ena
