#pragma once

#include "control/fields.h"

#include <functional>
#include <optional>

namespace zvisor {

class Firmware;
class MachineEnd;

enum class Verb : u8 { get, post, patch };
/// "GET"
[[nodiscard]] std::string_view name_of(Verb verb);

/// Why a request is not carried out: an HTTP status and a sentence.
struct Refusal {
    static constexpr unsigned bad_request = 400;
    static constexpr unsigned not_found = 404;
    static constexpr unsigned bad_method = 405;
    static constexpr unsigned conflict = 409;
    static constexpr unsigned fault = 500;

    Refusal(unsigned status_, std::string message_)
        : status(status_)
        , message(std::move(message_))
    {
    }
    /// What the firmware refuses does not fit the state of things.
    Refusal(Error error) // NOLINT(google-explicit-constructor): so that TRY passes on the firmware's errors
        : message(std::move(error.message))
    {
    }

    unsigned status { conflict };
    std::string message;
};

template<class A>
using Outcome = std::expected<A, Refusal>;

/// What the handler of an operation works on.
struct Call {
    Firmware& firmware;
    MachineEnd& end;
    /// True when nobody waits for the answer any more.
    std::function<bool()> abandoned;
    /// The answer is wanted as plain bytes (application/octet-stream) where that is possible.
    bool raw { false };
};

/// What goes back: a body, or pieces of one as they come.
struct Reply {
    unsigned status { 200 };
    std::string content_type { "application/json" };
    std::string body {};
    std::vector<std::pair<std::string, std::string>> headers {};
    /// When set: gives the next piece, which may be empty, within a second; nothing at the end.
    std::function<std::optional<std::string>()> next {};
};

/// An operation of the door: what is asked is a Q, what is answered an A. The client calls it by the same row the server serves.
template<Wire Q, class A>
struct Operation {
    /// Of the operation, unique: "partition.activate".
    std::string_view name;
    Verb verb;
    /// As in OpenAPI: "/v1/partitions/{name}".
    std::string_view path;
    std::string_view help;
    Outcome<A> (*handler)(Call& call, const Q& arguments);
};

/// An operation without its types: what routes, checks and the OpenAPI document are made from.
struct AnyOperation {
    std::string_view name;
    Verb verb;
    std::string_view path;
    std::string_view help;
    std::vector<FieldInfo> parameters;
    /// Content of a good answer; its schema, empty when it is none of JSON.
    std::string_view content_type;
    std::string_view answer_schema;
    void (*add_answer_schemas)(nlohmann::ordered_json& schemas);
    /// `arguments` has only known members; types and ranges are checked here.
    std::function<Reply(Call& call, const nlohmann::json& arguments)> perform;
};

[[nodiscard]] Reply reply_of(const Refusal& refusal);

} // namespace zvisor
