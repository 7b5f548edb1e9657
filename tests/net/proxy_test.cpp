// SPDX-License-Identifier: Apache-2.0
// The HTTP client through a proxy.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "net/certificates.hpp"
#include "net/http.hpp"
#include "net/server.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;
using test::Authority;
using test::TestServer;
using test::Visit;

struct Refusal {
  Kind kind;
  bool was_sent;
  std::string sentence;
};

std::optional<Refusal> refusal(const HttpSettings& settings) {
  try {
    HttpClient client(settings);
    client.send({});
  } catch (const HttpError& error) {
    return Refusal{error.kind, error.was_sent, error.what()};
  }
  return {};
}

TEST(Proxy, IsAskedForThePlainUrl) {
  std::string got;
  TestServer proxy([&got](Visit& visit) {
    while (true) {
      const std::string request = visit.request();
      if (request.empty()) return;
      got = request;
      visit.answer("through");
    }
  });
  HttpClient client({.url = "http://db.example:8123/base", .proxy = "http://me:hu%3Ash@" + proxy.place()});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.send({.target = "/?q"}).body, "through");
    EXPECT_EQ(got,
              "POST http://db.example:8123/base/?q HTTP/1.1\r\nHost: db.example:8123\r\n"
              "Proxy-Authorization: Basic bWU6aHU6c2g=\r\nContent-Length: 0\r\n\r\n");
  }
  EXPECT_EQ(proxy.connections(), 1);
}

TEST(Proxy, GivesATunnelForHttps) {
  Authority authority;
  authority.sign("good", "DNS:db.example");
  const auto tls = authority.server("good");
  std::string connect;
  std::string request;
  TestServer proxy([&](Visit& visit) {
    connect = visit.request();
    visit.write("HTTP/1.1 200 Connection established\r\n\r\n");
    visit.start_tls(tls.get());
    request = visit.request();
    visit.answer("secure");
  });
  HttpClient client(
      {.url = "https://db.example:8443", .ca_file = authority.ca(), .proxy = "http://me:hush@" + proxy.place()});
  EXPECT_EQ(client.send({}).body, "secure");
  EXPECT_EQ(
      connect,
      "CONNECT db.example:8443 HTTP/1.1\r\nHost: db.example:8443\r\nProxy-Authorization: Basic bWU6aHVzaA==\r\n\r\n");
  EXPECT_EQ(request, "POST / HTTP/1.1\r\nHost: db.example:8443\r\nContent-Length: 0\r\n\r\n");
}

TEST(Proxy, ThatRefusesIsTold) {
  std::string status;
  TestServer proxy([&status](Visit& visit) {
    visit.request();
    visit.answer("<html>", "", status);
  });
  const std::string who = "The proxy " + proxy.place();
  const HttpSettings https{.url = "https://db.example:8443", .proxy = proxy.url()};
  const HttpSettings http{.url = "http://db.example:8123", .proxy = proxy.url()};
  const HttpSettings with_login{.url = "http://db.example:8123", .proxy = "http://me:hush@" + proxy.place()};

  status = "403 Forbidden";
  auto told = refusal(https);
  EXPECT_EQ(told->kind, Kind::proxy);
  EXPECT_FALSE(told->was_sent);
  EXPECT_EQ(told->sentence,
            who + " refuses to connect to db.example:8443 (status 403). Allow it there, or use no `proxy`.");

  status = "407 Proxy Authentication Required";
  for (const HttpSettings& settings : {https, http}) {
    told = refusal(settings);
    EXPECT_EQ(told->kind, Kind::proxy);
    EXPECT_EQ(told->sentence,
              who + " wants a user and a password. Set them in `proxy`, as in http://user:password@host:port.");
  }
  EXPECT_EQ(refusal(with_login)->sentence,
            who + " refuses the user or the password. Set them in `proxy`, as in http://user:password@host:port.");
}

TEST(Proxy, ThatIsNoneIsTold) {
  TestServer garbage([](Visit& visit) {
    visit.request();
    visit.write("SSH-2.0-OpenSSH\r\n\r\n");
  });
  auto told = refusal({.url = "https://db.example", .proxy = garbage.url()});
  EXPECT_EQ(told->kind, Kind::bad_answer);
  EXPECT_TRUE(told->sentence.starts_with("The proxy " + garbage.place() + " answers with what is no HTTP ("))
      << told->sentence;

  TestServer silent([](Visit& visit) { visit.wait_until_client_goes(); });
  told =
      refusal({.url = "https://db.example", .proxy = silent.url(), .connect_timeout = std::chrono::milliseconds{200}});
  EXPECT_EQ(told->kind, Kind::timeout);
  EXPECT_EQ(told->sentence, "The proxy " + silent.place() + " did not answer in time. Is it overloaded?");

  TestServer closes([](Visit& visit) { visit.request(); });
  told = refusal({.url = "https://db.example", .proxy = closes.url()});
  EXPECT_EQ(told->kind, Kind::closed);
  EXPECT_FALSE(told->was_sent);
}

}  // namespace
}  // namespace cgmm::net
