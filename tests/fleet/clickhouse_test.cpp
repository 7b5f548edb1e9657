// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/clickhouse.hpp"
#include "fleet/ask/asker.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "net/server.hpp"
#include "support/pipe.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::fleet {
namespace {

using test::TestServer;
using test::Visit;

constexpr const char* kBroken = "500 Internal Server Error";
constexpr std::chrono::seconds kTimeout{20};

/// What an insert ends with; nullopt: the engine has the rows.
std::optional<DestinationError> insert_into(ClickHouse& engine) {
  try {
    engine.insert("sample", {"node", "scan_id"}, "packed");
    return std::nullopt;
  } catch (const DestinationError& error) {
    return error;
  }
}

TestServer::Serve answering(const std::string& body, const std::string& headers = "",
                            const std::string& status = "200 OK") {
  return [=](Visit& visit) {
    while (!visit.request().empty()) visit.answer(body, headers, status);
  };
}

std::string place_nobody_listens_at() {
  const TestServer gone([](Visit&) {});
  return gone.url();
}

TEST(ClickHouse, AnInsertNamesTableColumnsAndWhoAsks) {
  const test::TempDir directory;
  std::ofstream(directory.path() / "password") << "s3cret\r\nsecond line\n";
  std::string got;
  TestServer server([&got](Visit& visit) {
    got = visit.request();
    visit.answer("");
  });
  ClickHouse engine({.urls = {server.url()},
                     .database = "d",
                     .user = "shipper",
                     .password_file = (directory.path() / "password").string()},
                    kTimeout);
  EXPECT_FALSE(insert_into(engine));
  EXPECT_EQ(got,
            "POST /?insert_distributed_sync=1&wait_end_of_query=1&query="
            "INSERT%20INTO%20d.sample%20%28node%2C%20scan_id%29%20FORMAT%20TabSeparated HTTP/1.1\r\nHost: " +
                server.place() +
                "\r\nContent-Encoding: gzip\r\nX-ClickHouse-User: shipper\r\nX-ClickHouse-Key: "
                "s3cret\r\nContent-Length: 6\r\n\r\npacked");
}

TEST(ClickHouse, AnInsertWaitsForTheRowsWhereTheVersionMayNot) {
  for (const std::string version : {"18.16.1", "21.10.2.15", "21.11.1.8636", "26.7.1.1"}) {
    std::string got;
    TestServer server([&](Visit& visit) {
      visit.request();
      visit.answer(version + "\n");
      got = visit.request();
      visit.answer("");
    });
    ClickHouse engine({.urls = {server.url()}}, kTimeout);
    engine.version();
    EXPECT_FALSE(insert_into(engine));
    const bool waits = got.find("&wait_for_async_insert=1") != std::string::npos;
    EXPECT_EQ(waits, version.starts_with("21.11") || version.starts_with("26")) << version;
  }
}

TEST(ClickHouse, TellsWhenANodeWasSentLast) {
  std::string got;
  TestServer server([&](Visit& visit) {
    for (const char* answer : {"0\n", "1795608000000000\n"}) {
      got = visit.request();
      visit.answer(answer);
    }
  });
  ClickHouse engine({.urls = {server.url()}, .database = "d"}, kTimeout);
  EXPECT_EQ(engine.last_sent_at_us("n", "h"), std::nullopt);
  EXPECT_EQ(engine.last_sent_at_us("it's \\", "h"), 1'795'608'000'000'000);
  EXPECT_NE(got.find(R"(d.node WHERE node = 'it\'s \\' AND history_id = 'h')"), std::string::npos) << got;
}

TEST(ClickHouse, ANewPasswordIsUsedAtOnce) {
  const test::TempDir directory;
  const std::string file = (directory.path() / "password").string();
  std::string got;
  TestServer server([&got](Visit& visit) {
    while (!(got = visit.request()).empty()) {
      visit.answer("");
      if (got.find("Key: new") != std::string::npos) return;
    }
  });
  ClickHouse engine({.urls = {server.url()}, .password_file = file}, kTimeout);
  std::ofstream(file) << "old";
  EXPECT_FALSE(insert_into(engine));
  std::ofstream(file) << "new";
  EXPECT_FALSE(insert_into(engine));
  EXPECT_NE(got.find("X-ClickHouse-Key: new\r\n"), std::string::npos);
}

TEST(ClickHouse, APasswordThatCannotBeReadIsNamedAndNothingIsSent) {
  const test::TempDir directory;
  TestServer server(answering(""));
  std::ofstream(directory.path() / "empty");
  std::ofstream(directory.path() / "control") << "a\x01";
  for (const char* name : {"missing", "empty", "control"}) {
    const std::string file = (directory.path() / name).string();
    ClickHouse engine({.urls = {server.url()}, .password_file = file}, kTimeout);
    const auto error = insert_into(engine);
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->refusal(), Refusal::permanent);
    EXPECT_NE(std::string(error->what()).find("password_file " + file), std::string::npos) << error->what();
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(ClickHouse, AnErrorIsOneWhateverTheStatus) {
  const std::string error = "Code: 252, e.displayText() = DB::Exception: Too many parts, e.what() = DB::Exception\n";
  for (const auto& serve :
       {answering(error), answering(error, "X-ClickHouse-Exception-Code: 252\r\n"), answering(error, "", kBroken)}) {
    TestServer server(serve);
    ClickHouse engine({.urls = {server.url()}}, kTimeout);
    const auto refused = insert_into(engine);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->refusal(), Refusal::too_many_parts);
  }
}

TEST(ClickHouse, AnInsertThatIsAnsweredWithWordsIsNotDone) {
  TestServer server(answering("<html>Welcome</html>"));
  ClickHouse engine({.urls = {server.url()}}, kTimeout);
  const auto refused = insert_into(engine);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal(), Refusal::permanent);
}

TEST(ClickHouse, AQuestionToWhatIsNoneIsASentence) {
  for (const char* const rubbish : {"<html>Welcome</html>", "a\tb\tc\n", "\n\n"}) {
    TestServer server(answering(rubbish));
    Asker asker({.urls = {server.url()}});
    core::FirstRows rows(core::kAllRows);
    try {
      asker.run("SELECT 1", rows);
      FAIL() << "an answer to " << rubbish;
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "ClickHouse does not say what a user may set: is it ClickHouse's HTTP port?");
    }
  }
}

TEST(ClickHouse, TheNextAddressIsAskedWhereOneDoesNotAnswer) {
  TestServer good(answering(""));
  TestServer broken(answering("Code: 242, e.displayText() = DB::Exception: Table is in readonly mode", "", kBroken));
  ClickHouse engine({.urls = {place_nobody_listens_at(), broken.url(), good.url()}}, kTimeout);
  EXPECT_FALSE(insert_into(engine));
  EXPECT_FALSE(insert_into(engine));
  EXPECT_EQ(engine.place(), good.place());
  EXPECT_EQ(broken.connections(), 1) << "the address that answered stays";
  EXPECT_EQ(good.connections(), 1);
}

TEST(ClickHouse, WhereNoAddressAnswersEachIsNamed) {
  const std::string one = place_nobody_listens_at(), other = place_nobody_listens_at();
  ClickHouse engine({.urls = {one, other}}, kTimeout);
  const auto error = insert_into(engine);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal(), Refusal::transient);
  for (const std::string& url : {one, other})
    EXPECT_NE(std::string(error->what()).find(url.substr(7)), std::string::npos) << error->what();
}

TEST(ClickHouse, AWrongPasswordIsNotTriedElsewhere) {
  TestServer first(
      answering("Code: 193, e.displayText() = DB::Exception: Wrong password for user u", "", "401 Unauthorized"));
  TestServer second(answering(""));
  ClickHouse engine({.urls = {first.url(), second.url()}}, kTimeout);
  const auto error = insert_into(engine);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal(), Refusal::permanent);
  EXPECT_EQ(second.connections(), 0);
}

TEST(ClickHouse, WithoutAnAddressItSaysWhichSettingIsMissing) {
  try {
    ClickHouse engine{config::Ship{}};
    FAIL();
  } catch (const DestinationError& error) {
    EXPECT_EQ(error.refusal(), Refusal::permanent);
    EXPECT_NE(std::string(error.what()).find("set url in [ship]"), std::string::npos) << error.what();
  }
  EXPECT_THROW(ClickHouse({.urls = {"http://"}}), DestinationError);
}

TEST(ClickHouse, NoSecretIsInASentence) {
  const test::TempDir directory;
  const std::string file = (directory.path() / "password").string();
  std::ofstream(file) << "s3cret";
  TestServer server(answering("<html>", "", "403 Forbidden"));
  const std::string with_password = "http://me:s3cret@" + server.place();
  ClickHouse engine({.urls = {with_password}, .user = "u", .password_file = file}, kTimeout);
  const auto error = insert_into(engine);
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()).find("s3cret"), std::string::npos) << error->what();
}

TEST(ClickHouse, AVersionThatIsTooOldIsRefused) {
  for (const char* version : {"1.1.54385\n", "18.15.9\n", "nginx\n", ""}) {
    TestServer server(answering(version));
    ClickHouse engine({.urls = {server.url()}}, kTimeout);
    EXPECT_THROW(engine.version(), DestinationError) << version;
  }
  TestServer server(answering("26.7.1.2\n"));
  ClickHouse engine({.urls = {server.url()}}, kTimeout);
  EXPECT_EQ(engine.version(), "26.7.1.2");
  EXPECT_EQ(engine.version_number(), (EngineVersion{26, 7}));
}

TEST(ClickHouse, ClocksDifferWhereNoMomentOfTheRequestFits) {
  TestServer server(answering("1000\n"));
  ClickHouse engine({.urls = {server.url()}}, kTimeout);
  const auto difference_us = [&](std::int64_t now_us) { return engine.clock_difference_us([&] { return now_us; }); };
  EXPECT_EQ(difference_us(1'000'000'000), 0);
  EXPECT_EQ(difference_us(1'001'000'000), 0) << "the engine's second goes up to here";
  EXPECT_EQ(difference_us(1'007'500'000), 6'500'000);
  EXPECT_EQ(difference_us(998'000'000), -2'000'000);
}

TEST(ClickHouse, AStopEndsARequest) {
  const test::Pipe stop = test::make_pipe();
  ASSERT_EQ(::write(stop[1].get(), "x", 1), 1);
  TestServer server([](Visit& visit) { visit.wait_until_client_goes(); });
  ClickHouse engine({.urls = {server.url()}}, std::chrono::hours(1), stop[0].get());
  const auto error = insert_into(engine);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal(), Refusal::transient);
}

}  // namespace
}  // namespace cgmm::fleet
