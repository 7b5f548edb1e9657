// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/certificates.hpp"
#include "net/http.hpp"
#include "net/http_server.hpp"
#include "net/served.hpp"
#include "support/eventually.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::net {
namespace {

using namespace std::chrono_literals;
using test::events_or_echo;
using test::Raw;
using test::Served;

HttpAnswer get(const Served& server, const std::string& target,
               std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpClient client({.url = server.url()});
  return client.send({.method = "GET", .target = target, .headers = std::move(headers), .body = ""});
}

TEST(HttpServer, AnswersOneRequestAfterTheOtherOnAConnection) {
  const Served server;
  HttpClient client({.url = server.url()});
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer answer = client.send({.method = "GET", .target = "/a%20b/c?x=1%202+3&y&x=%C3%A4", .body = ""});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "/a b/c|x=1 2 3|y=|x=\xc3\xa4");
  }
  EXPECT_EQ(client.send({.method = "HEAD", .target = "/", .body = ""}).body, "");
}

TEST(HttpServer, ManyClientsAtOnce) {
  const Served server;
  std::vector<std::unique_ptr<Raw>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(std::make_unique<Raw>(server.port()));
  for (const auto& client : clients) client->say("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const auto& client : clients) EXPECT_NE(client->hear("/x").find("200 OK"), std::string::npos);
}

TEST(HttpServer, RefusesWhatItDoesNotServe) {
  const Served server;
  const auto answer_to = [&](const std::string& text) {
    const Raw client(server.port());
    client.say(text);
    return client.hear();
  };
  EXPECT_NE(answer_to("POST / HTTP/1.1\r\nHost: a\r\n\r\n").find("405 Method Not Allowed"), std::string::npos);
  EXPECT_NE(answer_to("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsomething").find("413 "),
            std::string::npos);
  EXPECT_NE(answer_to("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").find("413 "),
            std::string::npos);
  EXPECT_NE(answer_to("nonsense\r\n\r\n").find("400 Bad Request"), std::string::npos);
  EXPECT_NE(answer_to("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n").find("431 "), std::string::npos);
  EXPECT_NE(answer_to("GET /%zz HTTP/1.0\r\n\r\n").find("400 Bad Request"), std::string::npos);
  EXPECT_NE(answer_to("GET /a%00b HTTP/1.0\r\n\r\n").find("400 Bad Request"), std::string::npos);
  EXPECT_EQ(get(server, "/still").body, "/still");
}

TEST(HttpServer, WhoeverSendsNoWholeRequestInItsTimeIsCutOff) {
  const Served server({.request_time = 500ms});
  const Raw silent(server.port()), slow(server.port());
  slow.say("GET / HT");
  EXPECT_EQ(silent.hear(), "");
  EXPECT_EQ(slow.hear(), "");
  EXPECT_EQ(get(server, "/still").body, "/still");
}

TEST(HttpServer, WhoeverDoesNotTakeAnAnswerIsCutOff) {
  const std::string big(32 << 20, 'x');
  std::atomic<bool> is_asked = false;
  const Served server({.max_connections = 1, .answer_time = 300ms},
                      [&](const ServerRequest& request, const Server::Answer& answer) {
                        const bool is_big = request.path == "/big";
                        answer({.body = is_big ? big : "small"});
                        if (is_big) is_asked = true;
                      });
  const Raw lazy(server.port());
  lazy.say("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(test::eventually([&] { return is_asked.load(); }));
  // While it has not taken its answer, there is no room for another one.
  EXPECT_TRUE(test::eventually([&] {
    const Raw other(server.port());
    other.say("GET /small HTTP/1.0\r\n\r\n");
    return other.hear().ends_with("small");
  }));
  EXPECT_LT(lazy.hear().size(), big.size());
}

TEST(HttpServer, OneConnectionTooManyClosesTheOldestThatAsksNothing) {
  const Served server({.max_connections = 3});
  const Raw first(server.port());
  const Raw second(server.port());
  second.say("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(second.hear("/2").find("200 OK"), std::string::npos);
  const Raw third(server.port()), fourth(server.port());
  fourth.say("GET /4 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(fourth.hear("/4").find("200 OK"), std::string::npos);
  EXPECT_EQ(first.hear(), "");
}

TEST(HttpServer, AnAnswerMayComeFromAnotherThread) {
  std::thread other;
  {
    const Served server({}, [&](const ServerRequest&, const Server::Answer& answer) {
      other = std::thread([answer] { answer({.status = 503, .body = "later", .headers = {{"Retry-After", "5"}}}); });
    });
    const HttpAnswer answer = get(server, "/");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "later");
  }
  other.join();
}

TEST(HttpServer, AllWhoListenAreTold) {
  Served server({}, events_or_echo);
  server.publish("data: kept\n\n", true);
  const Raw one(server.port()), other(server.port());
  for (const Raw* const client : {&one, &other}) {
    client->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string said = client->hear("data: kept\n\n");
    EXPECT_NE(said.find("text/event-stream"), std::string::npos) << said;
    EXPECT_EQ(said.find("Content-Length"), std::string::npos) << said;
  }
  EXPECT_EQ(server.listener_count(), 2u);
  server.publish("data: next\n\n");
  EXPECT_EQ(one.hear("next\n\n"), "data: next\n\n");
  EXPECT_EQ(other.hear("next\n\n"), "data: next\n\n");
  EXPECT_EQ(get(server, "/x").body, "/x");
}

TEST(HttpServer, OneListenerTooManyIsRefusedAndOneThatGoesMakesRoom) {
  const Served server({.max_listeners = 1}, events_or_echo);
  auto first = std::make_unique<Raw>(server.port());
  first->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  first->hear("\r\n\r\n");
  EXPECT_TRUE(test::eventually([&] { return server.listener_count() == 1; }));
  EXPECT_EQ(get(server, "/events").status, 503);
  EXPECT_EQ(get(server, "/x").body, "/x");
  first.reset();
  EXPECT_TRUE(test::eventually([&] { return server.listener_count() == 0; }));
  const Raw second(server.port());
  second.say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(second.hear("\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST(HttpServer, AListenerThatTakesNothingIsClosedAndTheOthersGoOn) {
  Served server({.max_late_events = 4}, events_or_echo);
  const Raw lazy(server.port()), eager(server.port());
  for (const Raw* const client : {&lazy, &eager}) {
    client->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    client->hear("\r\n\r\n");
  }
  EXPECT_TRUE(test::eventually([&] { return server.listener_count() == 2; }));
  const std::string big = "data: " + std::string(2 << 20, 'x') + "\n\n";
  for (int i = 0; i < 12; ++i) {
    server.publish(big);
    EXPECT_EQ(eager.hear("\n\n").size(), big.size());
  }
  EXPECT_TRUE(test::eventually([&] { return server.listener_count() == 1; }));
  server.publish("data: end\n\n");
  EXPECT_EQ(eager.hear("\n\n"), "data: end\n\n");
}

TEST(HttpServer, WhoListensDoesNotHoldUpItsEnd) {
  std::unique_ptr<Raw> client;
  {
    const Served server({}, events_or_echo);
    client = std::make_unique<Raw>(server.port());
    client->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    client->hear("\r\n\r\n");
  }
  EXPECT_EQ(client->hear(), "");
}

TEST(HttpServer, AnAnswerAfterTheEndIsLostAndNothingElse) {
  Server::Answer kept;
  std::atomic<bool> is_asked = false;
  {
    const Served server({}, [&](const ServerRequest&, const Server::Answer& answer) {
      kept = answer;
      is_asked = true;
    });
    const Raw client(server.port());
    client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(test::eventually([&] { return is_asked.load(); }));
  }
  EXPECT_NO_THROW(kept({.body = "too late"}));
}

TEST(HttpServer, AsksForTheToken) {
  const test::TempDir dir;
  const std::filesystem::path file = dir.path() / "token";
  std::ofstream(file) << "secret\nsecond line\n";
  const Served server({.token_file = file});
  EXPECT_EQ(get(server, "/").status, 401);
  EXPECT_EQ(get(server, "/", {{"Authorization", "Bearer secreT"}}).status, 401);
  EXPECT_EQ(get(server, "/", {{"Authorization", "Bearer secret"}}).status, 200);
}

TEST(HttpServer, TakesTheTokenFromProgramsAndAsThePasswordThatABrowserAsksFor) {
  const std::string right = "s3:cret";
  for (const char* const header : {"Bearer s3:cret", "bearer s3:cret", "BEARER  s3:cret",
                                   "Basic OnMzOmNyZXQ=" /* no user */, "basic YW55Ym9keTpzMzpjcmV0" /* anybody */})
    EXPECT_TRUE(has_token(header, right)) << header;
  for (const char* const header :
       {"", " ", "Bearer", "Bearer ", "Bearers3:cret", "Bearer s3:cret ", "Bearer s3:cre", "Digest s3:cret", "s3:cret",
        "Basic", "Basic ", "Basic =", "Basic ====", "Basic OnMzOmNyZXQ",
        "Basic OnMzOmNyZXQ==", "Basic OnMzOmNyZXQ=OnMzOmNyZXQ=", "Basic czM6Y3JldA==" /* s3 is the user then */,
        "Basic !!!!", "Basic OnMzOmNyZXQA" /* a zero at the end */})
    EXPECT_FALSE(has_token(header, right)) << header;
  EXPECT_FALSE(has_token("Basic Og==", right)) << "neither a user nor a password";

  const test::TempDir dir;
  std::ofstream(dir.path() / "token") << "secret\n";
  const Served server({.token_file = dir.path() / "token"});
  EXPECT_EQ(get(server, "/", {{"Authorization", "Basic YTpzZWNyZXQ="}}).status, 200);
  EXPECT_EQ(get(server, "/", {{"Authorization", "Basic YTpvdGhlcg=="}}).status, 401);
  const Raw browser(server.port());
  browser.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(browser.hear().find("\r\nWWW-Authenticate: Basic realm="), std::string::npos) << "so that it asks for one";
}

TEST(HttpServer, OnePathIsForWhoeverAsks) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "token") << "secret\n";
  const Served server({.token_file = dir.path() / "token", .path_without_token = "/healthz"});
  EXPECT_EQ(get(server, "/healthz").status, 200);
  for (const char* const other : {"/", "/healthz/", "/healthz?x", "/healthz/../report", "//healthz", "/%68ealthz"})
    EXPECT_EQ(get(server, other).status, 401) << other;
}

/// As a program does that replaces files with care, and as Kubernetes does.
void replace(const std::filesystem::path& file, const std::filesystem::path& by) {
  std::filesystem::copy_file(by, file.string() + ".new");
  std::filesystem::rename(file.string() + ".new", file);
}

TEST(HttpServer, TakesANewTokenAndKeepsTheOldOneWhileTheFileIsWrong) {
  const test::TempDir dir;
  const std::filesystem::path file = dir.path() / "token", other = dir.path() / "other";
  std::ofstream(file) << "old\n";
  std::atomic<int> told = 0;
  const Served server(
      {.token_file = file, .look_time = 10ms, .tell = [&](const std::string& sentence) {
         EXPECT_NE(sentence.find("/token: it has no token in its first line; what was read before"), std::string::npos)
             << sentence;
         ++told;
       }});
  const auto takes = [&](const std::string& token) {
    return get(server, "/", {{"Authorization", "Bearer " + token}}).status == 200;
  };
  EXPECT_TRUE(takes("old"));
  std::ofstream(other) << "\n";
  replace(file, other);
  EXPECT_TRUE(test::eventually([&] { return told == 1; }));
  EXPECT_TRUE(takes("old"));
  std::ofstream(other) << "new\n";
  replace(file, other);
  EXPECT_TRUE(test::eventually([&] { return takes("new"); }));
  EXPECT_FALSE(takes("old"));
  EXPECT_EQ(told, 1);
}

TEST(HttpServer, MayBeCalledByItsAddressOnly) {
  const Served server({.only_by_address = true});
  const auto status_for = [&](const std::string& host) {
    const Raw client(server.port());
    client.say("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    return client.hear().substr(9, 3);
  };
  for (const char* const host : {"127.0.0.1", "127.0.0.1:9748", "localhost:80", "[::1]:9748", "[::1]", ""})
    EXPECT_EQ(status_for(host), "200") << host;
  for (const char* const host : {"evil.example", "evil.example:9748", "127.0.0.1.evil.example", "localhost."})
    EXPECT_EQ(status_for(host), "421") << host;
  for (const auto& [host, status] : {std::pair("127.0.0.1:9748", "200"), {"evil.example", "421"}}) {
    const Raw client(server.port());
    client.say("GET http://" + std::string(host) + "/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.hear().substr(9, 3), status) << "a whole address, at " << host;
  }
}

TEST(HttpServer, SpeaksTls) {
  test::Authority authority;
  authority.sign("node", "IP:127.0.0.1");
  const Served server({.cert_file = authority.certificate("node"), .key_file = authority.key("node")});
  HttpClient client({.url = server.url("https"), .ca_file = authority.ca()});
  EXPECT_EQ(client.send({.method = "GET", .target = "/x", .body = ""}).body, "/x");
  const Raw plain(server.port());
  plain.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(plain.hear().find("200 OK"), std::string::npos);
  EXPECT_EQ(client.send({.method = "GET", .target = "/y", .body = ""}).body, "/y");
}

/// Says something over TLS and hears what comes until `end`.
class RawTls {
 public:
  RawTls(const Raw& raw, const std::filesystem::path& ca)
      : context_(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free), tls_(nullptr, ::SSL_free) {
    EXPECT_EQ(::SSL_CTX_load_verify_file(context_.get(), ca.c_str()), 1);
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    tls_.reset(::SSL_new(context_.get()));
    ::SSL_set_fd(tls_.get(), raw.fd());
    EXPECT_EQ(::SSL_connect(tls_.get()), 1);
  }
  void say(const std::string& text) const {
    EXPECT_EQ(::SSL_write(tls_.get(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
  }
  std::string hear(const std::string& end = "") const {
    std::string text;
    std::array<char, 4096> bytes;
    while (end.empty() || text.find(end) == std::string::npos) {
      const int got = ::SSL_read(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (got <= 0) break;
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_;
};

TEST(HttpServer, TellsEventsOverTls) {
  test::Authority authority;
  authority.sign("node", "IP:127.0.0.1");
  auto server = std::make_unique<Served>(
      ServerSettings{.cert_file = authority.certificate("node"), .key_file = authority.key("node")}, events_or_echo);
  server->publish("data: kept\n\n", true);
  const Raw raw(server->port()), other_raw(server->port());
  const RawTls one(raw, authority.ca());
  auto other = std::make_unique<RawTls>(other_raw, authority.ca());
  for (const RawTls* const client : {&one, static_cast<const RawTls*>(other.get())}) {
    client->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(client->hear("data: kept\n\n").find("text/event-stream"), std::string::npos);
  }
  const std::string big = "data: " + std::string(100'000, 'x') + "\n\n";  // several records of TLS
  server->publish(big);
  EXPECT_EQ(one.hear("\n\n"), big);
  EXPECT_EQ(other->hear("\n\n"), big);
  EXPECT_EQ(server->listener_count(), 2u);
  other_raw.shut();
  EXPECT_TRUE(test::eventually([&] { return server->listener_count() == 1; }));
  server->publish("data: next\n\n");
  EXPECT_EQ(one.hear("\n\n"), "data: next\n\n");
  server.reset();
  EXPECT_EQ(one.hear(), "") << "who listens does not hold up its end";
}

TEST(HttpServer, TakesANewCertificateOnceItsKeyIsThere) {
  test::Authority before("before"), after("after");
  before.sign("node", "IP:127.0.0.1");
  after.sign("node", "IP:127.0.0.1");
  std::atomic<int> told = 0;
  const Served server({.cert_file = before.certificate("node"),
                       .key_file = before.key("node"),
                       .look_time = 10ms,
                       .tell = [&](const std::string&) { ++told; }});
  HttpClient kept({.url = server.url("https"), .ca_file = before.ca()});
  const auto is_trusted_by = [&](const test::Authority& authority) {
    try {
      HttpClient client({.url = server.url("https"), .ca_file = authority.ca()});
      return client.send({.method = "GET", .target = "/x", .body = ""}).body == "/x";
    } catch (const HttpError&) {
      return false;
    }
  };
  EXPECT_EQ(kept.send({.method = "GET", .target = "/1", .body = ""}).body, "/1");
  replace(before.certificate("node"), after.certificate("node"));
  EXPECT_TRUE(test::eventually([&] { return told == 1; }));
  EXPECT_TRUE(is_trusted_by(before)) << "it has no key for the new one";
  EXPECT_FALSE(is_trusted_by(after));
  replace(before.key("node"), after.key("node"));
  EXPECT_TRUE(test::eventually([&] { return is_trusted_by(after); }));
  EXPECT_EQ(kept.send({.method = "GET", .target = "/2", .body = ""}).body, "/2") << "what goes on goes on";
  EXPECT_EQ(told, 1);
}

TEST(HttpServer, SaysWhyItCantListen) {
  const Served server;
  const auto reason = [](const ServerSettings& settings) -> std::string {
    try {
      const Server other(settings, Served::echo);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "it can";
  };
  EXPECT_EQ(reason({.port = server.port()}),
            "can't listen on 127.0.0.1:" + std::to_string(server.port()) + ": Address already in use");
  EXPECT_EQ(reason({.address = "localhost"}), "\"localhost\" is no address such as 127.0.0.1 or ::1");
  EXPECT_EQ(reason({.token_file = "/none"}), "can't use /none: No such file or directory");
  EXPECT_NE(reason({.cert_file = "/none.pem", .key_file = "/none.key"}).find("can't use /none.pem: No such file"),
            std::string::npos);
}

TEST(HttpServer, ATargetIsAPathWithValues) {
  EXPECT_FALSE(parse_target(""));
  EXPECT_EQ(parse_target("http://a:80/b?c=d")->path, "/b");
  EXPECT_EQ(parse_target("http://a:80/b?c=d")->value("c"), "d");
  EXPECT_EQ(parse_target("https://a")->path, "/");
  EXPECT_FALSE(parse_target("ftp://a/b"));
  EXPECT_FALSE(parse_target("a:80"));
  EXPECT_EQ(host_in("http://a:80/b"), "a:80");
  EXPECT_EQ(host_in("/b"), "");
  EXPECT_FALSE(parse_target("/%"));
  EXPECT_FALSE(parse_target("/%4"));
  EXPECT_FALSE(parse_target("/?a=%00"));
  EXPECT_FALSE(parse_target({"/?a=\0b", 6}));
  EXPECT_EQ(parse_target("/a+b#c")->path, "/a+b");
  EXPECT_EQ(parse_target("/?a=1&&a=2&")->value("a"), "2");
  EXPECT_EQ(parse_target("/?b")->value("b"), "");
  EXPECT_EQ(parse_target("/?b")->value("a"), std::nullopt);
}

}  // namespace
}  // namespace cgmm::net
