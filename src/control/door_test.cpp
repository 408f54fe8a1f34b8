#include "control/test_machine.h"

#include <gtest/gtest.h>

namespace zvisor {

namespace {

struct BadRequest {
    const char* what;
    HttpRequest request;
    unsigned status;
    const char* error;
};

const BadRequest bad_requests[] = {
    { "unknown path", { .method = "GET", .target = "/v1/lpars" }, 404, "there is no /v1/lpars; GET /openapi.json lists what there is" },
    { "no path", { .method = "GET", .target = "" }, 404, "there is no ; GET /openapi.json lists what there is" },
    { "path of escapes", { .method = "GET", .target = "/v1/%zz" }, 404, "there is no /v1/%zz; GET /openapi.json lists what there is" },
    { "wrong method", { .method = "DELETE", .target = "/v1/partitions/LP1" }, 405, "/v1/partitions/LP1 takes GET, PATCH, not DELETE" },
    { "wrong method of two", { .method = "PUT", .target = "/v1/partitions/LP1/console" }, 405,
        "/v1/partitions/LP1/console takes GET, POST, not PUT" },
    { "unknown partition", { .method = "GET", .target = "/v1/partitions/LP9" }, 404,
        "there is no partition 'LP9'; the machine TEST has: LP1, LP#2" },
    { "order to an unknown partition", { .method = "POST", .target = "/v1/partitions/LP9/load" }, 404,
        "there is no partition 'LP9'; the machine TEST has: LP1, LP#2" },
    { "name too long", { .method = "GET", .target = "/v1/partitions/" + std::string(65, 'X') }, 400,
        "'name' must be a text with a length of 1 to 64" },
    { "no name", { .method = "GET", .target = "/v1/partitions//console" }, 400, "'name' must be a text with a length of 1 to 64" },
    { "unknown parameter", { .method = "GET", .target = "/v1/events?since=1" }, 400, "event.list takes no 'since'; it takes: after, wait" },
    { "parameter where there is none", { .method = "GET", .target = "/v1/machine?x" }, 400, "machine.show takes no 'x'" },
    { "number out of range", { .method = "GET", .target = "/v1/events?wait=61" }, 400, "'wait' must be a whole number of 0 to 60" },
    { "negative number", { .method = "GET", .target = "/v1/events?wait=-1" }, 400, "'wait' must be a whole number of 0 to 60" },
    { "no number", { .method = "GET", .target = "/v1/events?wait=soon" }, 400, "'wait' must be a whole number of 0 to 60" },
    { "number beyond 64 bits", { .method = "GET", .target = "/v1/events?after=99999999999999999999" }, 400,
        "'after' must be a whole number of at least 0" },
    { "escape in the query", { .method = "GET", .target = "/v1/events?wait=%1" }, 400, "the query has an escape that is not understood" },
    { "body is no JSON", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "{\"text\"" }, 400,
        "the body must be a JSON object" },
    { "body is no object", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "[1]" }, 400,
        "the body must be a JSON object" },
    { "body is no UTF-8", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "{\"text\":\"\xff\"}" }, 400,
        "the body must be a JSON object" },
    { "body is missing", { .method = "POST", .target = "/v1/partitions/LP1/console" }, 400, "'text' is missing" },
    { "member of the wrong type", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "{\"text\":1}" }, 400,
        "'text' must be a text" },
    { "text is empty", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "{\"text\":\"\"}" }, 400,
        "'text' must be a text with a length of 1 to 32768" },
    { "unknown member", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "{\"key\":\"x\"}" }, 400,
        "console.type takes no 'key'; it takes: text" },
    { "argument of the path in the body", { .method = "POST", .target = "/v1/partitions/LP1/load", .body = "{\"name\":\"LP2\"}" }, 400,
        "partition.load takes no 'name'" },
    { "truth of the wrong type", { .method = "POST", .target = "/v1/machine/stop", .body = "{\"now\":\"yes\"}" }, 400,
        "'now' must be true or false" },
    { "bytes where there are none",
        { .method = "POST", .target = "/v1/machine/stop", .content_type = "application/octet-stream", .body = "now" }, 400,
        "machine.stop takes a body of application/json" },
    { "weight out of range", { .method = "PATCH", .target = "/v1/partitions/LP1", .body = "{\"weight\":1000}" }, 400,
        "'weight' must be a whole number of 1 to 999" },
    { "a cap too small to hold", { .method = "PATCH", .target = "/v1/partitions/LP1", .body = "{\"cap\":0.004}" }, 400,
        "'cap' must be 0 or at least 0.01" },
    { "number of the wrong type", { .method = "PATCH", .target = "/v1/partitions/LP1", .body = "{\"weight\":\"7\"}" }, 400,
        "'weight' must be a whole number of 1 to 999" },
    { "storage to nobody", { .method = "POST", .target = "/v1/partitions/LP1/move-storage", .body = "{\"bytes\":1048576}" }, 400,
        "'to' is missing" },
    { "storage to a stranger",
        { .method = "POST", .target = "/v1/partitions/LP1/move-storage", .body = "{\"bytes\":1048576,\"to\":\"LP9\"}" }, 404,
        "there is no partition 'LP9'; the machine TEST has: LP1, LP#2" },
    { "order that does not fit the state", { .method = "POST", .target = "/v1/partitions/LP1/stop" }, 409,
        "partition LP1 is not activated" },
    { "typing at a console nobody reads", { .method = "POST", .target = "/v1/partitions/LP1/console", .body = "{\"text\":\"x\"}" }, 409,
        "partition LP1 is not activated: nobody reads its console" },
};

} // namespace

TEST(Door, BadRequestsGetOneSentence)
{
    TestMachine machine;
    for (const auto& bad : bad_requests) {
        auto reply = machine.ask(bad.request);
        EXPECT_EQ(reply.status, bad.status) << bad.what;
        EXPECT_EQ(nlohmann::json::parse(reply.body), (nlohmann::json { { "error", bad.error } })) << bad.what;
    }
}

TEST(Door, AFailedActivationIsAConflictWithItsReason)
{
    TestMachine machine;
    auto reply = machine.ask({ .method = "POST", .target = "/v1/partitions/LP1/activate" });
    EXPECT_EQ(reply.status, 409) << reply.body;
    EXPECT_EQ(machine.firmware().partition("LP1")->state, PartitionState::not_activated);
}

TEST(Door, APartitionIsFoundByItsNameInEscapes)
{
    TestMachine machine;
    auto partition = nlohmann::json::parse(machine.get("/v1/partitions/LP%232").body);
    EXPECT_EQ(partition["name"], "LP#2");
    EXPECT_EQ(partition["state"], "not-activated");
    EXPECT_EQ(partition["memory"], 1 << 20);
}

TEST(Door, EventsAreThoseAfterTheNumber)
{
    TestMachine machine;
    for (const char* text : { "one", "two", "three" })
        machine.firmware().events().add("LP1", text);
    auto list = nlohmann::json::parse(machine.get("/v1/events?after=1").body);
    ASSERT_EQ(list["events"].size(), 2u);
    EXPECT_EQ(list["events"][0]["text"], "two");
    EXPECT_EQ(list["next"], 3);
    EXPECT_EQ(nlohmann::json::parse(machine.get("/v1/events?after=3").body)["next"], 3);
}

TEST(Door, TheConsoleIsReadOnFromItsPlace)
{
    TestMachine machine;
    (*machine.firmware().console("LP1"))->append("login: ");
    auto piece = nlohmann::json::parse(machine.get("/v1/partitions/LP1/console?from=2").body);
    EXPECT_EQ(piece, (nlohmann::json { { "text", "gin: " }, { "next", 7 }, { "closed", false } }));
}

TEST(Door, ACharacterThatIsNotCompleteWaitsForItsRest)
{
    TestMachine machine;
    auto* console = *machine.firmware().console("LP1");
    console->append("a\xe2\x82");
    EXPECT_EQ(nlohmann::json::parse(machine.get("/v1/partitions/LP1/console").body)["next"], 1);
    console->append("\xac");
    EXPECT_EQ(nlohmann::json::parse(machine.get("/v1/partitions/LP1/console?from=1").body)["text"], "\u20ac");
}

TEST(Door, TheConsoleAsBytesIsExact)
{
    TestMachine machine;
    (*machine.firmware().console("LP1"))->append("a\xff\xe2");
    auto reply = machine.ask({ .method = "GET", .target = "/v1/partitions/LP1/console", .accept = "application/octet-stream" });
    EXPECT_EQ(reply.content_type, "application/octet-stream");
    EXPECT_EQ(reply.body, "a\xff\xe2");
    EXPECT_EQ(reply.headers.front(), (std::pair<std::string, std::string>("Zvisor-Next", "3")));
}

TEST(Door, StoppingTheMachineIsARequestOfItsEnd)
{
    TestMachine machine;
    EXPECT_FALSE(machine.end().requested());
    EXPECT_EQ(machine.ask({ .method = "POST", .target = "/v1/machine/stop" }).status, 200);
    EXPECT_TRUE(machine.end().requested());
}

TEST(Door, MetricsNameEachPartitionInItsState)
{
    TestMachine machine;
    auto text = machine.get("/metrics").body;
    EXPECT_NE(text.find("zvisor_lpar_cpu_seconds_total{cpc=\"TEST\",lpar=\"LP#2\",type=\"process\"} 0\n"), std::string::npos) << text;
    EXPECT_NE(text.find("zvisor_lpar_state{cpc=\"TEST\",lpar=\"LP1\",state=\"not-activated\"} 1\n"), std::string::npos) << text;
    EXPECT_NE(text.find("zvisor_lpar_state{cpc=\"TEST\",lpar=\"LP1\",state=\"operating\"} 0\n"), std::string::npos) << text;
}

TEST(Door, PropertiesThatAreNamedChange)
{
    TestMachine machine;
    auto reply = machine.ask({ .method = "PATCH", .target = "/v1/partitions/LP1", .body = R"({"weight":7,"cap":0.29})" });
    auto partition = nlohmann::json::parse(reply.body);
    EXPECT_EQ(partition["weight"], 7);
    EXPECT_EQ(partition["cap"], 0.29);
    EXPECT_EQ(partition["capped"], false);
    EXPECT_EQ(nlohmann::json::parse(machine.get("/v1/partitions/LP%232").body)["weight"], 100);
}

TEST(Door, EscapesAreReadAsTheyAreWritten)
{
    EXPECT_EQ(percent_encoded("A#1 $\xe9~"), "A%231%20%24%E9~");
    EXPECT_EQ(percent_decoded("A%231%20%24%e9~"), "A#1 $\xe9~");
    EXPECT_EQ(percent_decoded("%4"), std::nullopt);
    EXPECT_EQ(percent_decoded("%4g"), std::nullopt);
}

TEST(MachineEnd, WithoutProgramsTheFirstRequestIsTheEnd)
{
    TestMachine machine;
    machine.end().request(false);
    std::string said;
    machine.end().wait([&](const std::string& text) { said += text; });
    EXPECT_EQ(said, "");
}

} // namespace zvisor
