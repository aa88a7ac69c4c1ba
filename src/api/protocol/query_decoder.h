// Requests of the query protocols (`ec2` and `query`), decoded into the model's structs.
//
// Theory of operation
//   A parameter's name is the path to a member: the names of structures and the numbers of list
//   elements, joined with points. The decoder walks the shape of the operation's input over the
//   ParameterTree, and so reads only what the model knows; what is left over is refused. On the
//   way it checks what the model states: required members, bounds, enumerations.
//
//   Lists of `ec2` are Name.N, of `query` Name.member.N, both from 1; gaps are closed.
//
//   Documented: "Query requests for Amazon EC2"; AWS's API model, traits of the two protocols.
#pragma once

#include "api/protocol/form.h"
#include "api/protocol/shape.h"
#include "base/result.h"

namespace enid::api::protocol {

// `request` is the struct of operation.input, still empty.
Result<void> decode_request(Protocol protocol, const Form& form, const OperationShape& operation,
                            void* request);

}  // namespace enid::api::protocol
