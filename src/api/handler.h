// Handlers: what an operation of the API does, as a function from a typed request to a typed
// result; and the table in which a service's handlers are found by name.
//
// Theory of operation
//   A handler runs on the control thread, within one control::Transaction. It changes the model
//   through the transaction or refuses with vpc::ec2_failure(); it knows nothing of the wire.
//   Dry runs, client tokens and the checks that the service model states happen around it
//   (api/dispatcher.h). The table erases the types: an entry reads its request and writes its
//   result through a CallBody, which holds the protocol.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include "api/protocol/shape.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace enid::control {
class Transaction;
}

namespace enid::api {

struct CallContext {
  control::Transaction& transaction;
  std::string region;
  std::string account_id;
  std::string access_key_id;
  std::string request_id;
  WallTime now;
  Random& random;
  bool strict_images = false;  // Unknown image ids are refused.
};

enum class OperationKind {
  kRead,    // Answers from the model.
  kChange,  // May change it.
};

template <class Operation>
using Handler = Result<typename Operation::Result> (*)(CallContext&, const typename Operation::Request&);

// The two ends of one call on the wire.
class CallBody {
 public:
  virtual ~CallBody() = default;
  // Fills the request's struct; refuses what the service model does not allow.
  virtual Result<void> read(const protocol::OperationShape& operation, void* request) = 0;
  virtual void write(const protocol::OperationShape& operation, const void* result) = 0;
};

class OperationTable {
 public:
  struct Entry {
    const protocol::OperationShape* shape;
    OperationKind kind;
    void (*handler)();  // A Handler<Operation>, whose type `run` knows.
    Result<void> (*run)(void (*handler)(), const protocol::OperationShape&, CallContext&, CallBody&);
  };

  explicit OperationTable(const protocol::ServiceShape& service) : service_(service) {}

  // Each operation once, and only operations of this service: anything else is a bug.
  template <class Operation>
  void add(Handler<Operation> handler, OperationKind kind) {
    add_entry(Operation::kName, kind, reinterpret_cast<void (*)()>(handler), &run<Operation>);
  }

  const protocol::ServiceShape& service() const { return service_; }
  const Entry* find(std::string_view action) const;

 private:
  using Run = decltype(Entry::run);

  template <class Operation>
  static Result<void> run(void (*erased)(), const protocol::OperationShape& shape, CallContext& context,
                          CallBody& body) {
    const auto handler = reinterpret_cast<Handler<Operation>>(erased);
    typename Operation::Request request;
    TRY(body.read(shape, &request));
    const typename Operation::Result result = TRY(handler(context, request));
    body.write(shape, &result);
    return {};
  }

  void add_entry(std::string_view name, OperationKind kind, void (*handler)(), Run runner);

  const protocol::ServiceShape& service_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace enid::api
