// SPDX-License-Identifier: Apache-2.0
// Clients that leave, vanish or are slow must not take the room of others.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/certificates.hpp"
#include "net/http_server.hpp"
#include "net/served.hpp"
#include "support/eventually.hpp"

namespace cgmm::net {
namespace {

using namespace std::chrono_literals;
using test::events_or_echo;
using test::Raw;
using test::Served;

/// From now on nothing that comes reaches the client, and nothing is said about it: as if its machine were off.
void vanish(int fd) {
  sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog filter{1, &nothing};
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
}

TEST(HttpServerRoom, AListenerThatIsGoneWithoutAWordIsNoticed) {
  Served server({.answer_time = 300ms}, events_or_echo);
  const Raw client(server.port());
  client.say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  client.hear("\r\n\r\n");
  vanish(client.fd());
  EXPECT_TRUE(test::eventually([&] {
    server.publish("data: small\n\n");
    return server.listener_count() == 0;
  }));
}

TEST(HttpServerRoom, AlsoOneThatWaitsIsNoticed) {
  std::mutex mutex;
  std::vector<Server::Answer> asked;
  const auto keep = [&](const ServerRequest&, const Server::Answer& answer) {
    const std::lock_guard lock(mutex);
    asked.push_back(answer);
  };
  const auto is_wanted = [&] {
    const std::lock_guard lock(mutex);
    return std::ranges::any_of(asked, [](const Server::Answer& one) { return one.is_wanted(); });
  };
  const Served server({.answer_time = 2s, .left_time = 10ms}, keep);
  auto leaves = std::make_unique<Raw>(server.port());
  leaves->say("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\n");
  EXPECT_TRUE(test::eventually(is_wanted));
  leaves.reset();
  EXPECT_TRUE(test::eventually([&] { return !is_wanted(); })) << "closed, also with more to read";
  const Raw vanishes(server.port());
  vanishes.say("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(test::eventually(is_wanted));
  vanish(vanishes.fd());
  EXPECT_TRUE(test::eventually([&] { return !is_wanted(); })) << "gone without a word";
  const std::lock_guard lock(mutex);
  for (const Server::Answer& answer : asked) answer({.body = "for nobody"});
}

TEST(HttpServerRoom, WhoLeavesWhileItWaitsMakesRoom) {
  std::mutex mutex;
  std::vector<Server::Answer> asked;
  const Served server({.max_connections = 2, .left_time = 10ms},
                      [&](const ServerRequest& request, const Server::Answer& answer) {
                        if (request.path == "/now") return answer({.body = "at once"});
                        const std::lock_guard lock(mutex);
                        asked.push_back(answer);
                      });
  {
    const Raw one(server.port()), other(server.port());
    for (const Raw* const client : {&one, &other}) client->say("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(test::eventually([&] {
      const std::lock_guard lock(mutex);
      return asked.size() == 2;
    }));
    EXPECT_EQ(Raw(server.port()).hear(), "") << "all wait for an answer";
  }
  EXPECT_TRUE(test::eventually([&] {
    const Raw next(server.port());
    next.say("GET /now HTTP/1.0\r\n\r\n");
    return next.hear().ends_with("at once");
  }));
}

TEST(HttpServerRoom, WhoTakesItsAnswerSlowlyMakesRoomForOthers) {
  const std::string big(32 << 20, 'x');
  const Served server({.max_connections = 1}, [&](const ServerRequest& request, const Server::Answer& answer) {
    answer({.body = request.path == "/big" ? big : "small"});
  });
  const Raw lazy(server.port());
  lazy.say("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  lazy.hear("xxx");
  const Raw other(server.port());
  other.say("GET /small HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(other.hear().ends_with("small"));
}

TEST(HttpServerRoom, NoListenerIsOneTooManyWhileOthersHaveNotTakenTheirHeader) {
  const Served server({.max_listeners = 2}, events_or_echo);
  std::vector<std::unique_ptr<Raw>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Raw>(server.port()));
    clients.back()->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  const auto listens = [](const auto& client) { return client->hear("\r\n\r\n").find("200 OK") != std::string::npos; };
  EXPECT_EQ(std::ranges::count_if(clients, listens), 2);
  EXPECT_EQ(server.listener_count(), 2u);
}

TEST(HttpServerRoom, AHandshakeThatStallsIsCutOff) {
  test::Authority authority;
  authority.sign("node", "IP:127.0.0.1");
  const Served server(
      {.cert_file = authority.certificate("node"), .key_file = authority.key("node"), .request_time = 300ms});
  const Raw silent(server.port()), stalls(server.port());
  stalls.say("\x16\x03\x01\x02");
  EXPECT_EQ(silent.hear(), "");
  EXPECT_EQ(stalls.hear(), "");
}

TEST(HttpServerRoom, AMistakeAfterAHeadHasItsSentence) {
  const Served server;
  const Raw client(server.port());
  client.say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n");
  EXPECT_TRUE(client.hear().ends_with("this is no request that can be understood\n"));
}

TEST(HttpServerRoom, WhoSendsMuchThatIsNotServedHearsWhy) {
  const Served server;
  const Raw client(server.port());
  client.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n" + std::string(1 << 20, 'x'));
  EXPECT_NE(client.hear().find("only GET and HEAD are served"), std::string::npos);
}

}  // namespace
}  // namespace cgmm::net
