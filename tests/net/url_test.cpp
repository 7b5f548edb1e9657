// SPDX-License-Identifier: Apache-2.0
#include "net/url.hpp"

#include <gtest/gtest.h>

#include <string>

#include "net/http.hpp"

namespace cgmm::net {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_url(text, "The setting `url`");
  } catch (const HttpError& error) {
    EXPECT_EQ(error.kind, HttpError::Kind::bad_url);
    return error.what();
  }
  return "taken";
}

TEST(Url, IsTakenApart) {
  const Url url = parse_url("https://ClickHouse.example:8443/base/?a=b", "");
  EXPECT_TRUE(url.is_https);
  EXPECT_EQ(url.host, "clickhouse.example");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path, "/base/?a=b");
  EXPECT_EQ(url.place(), "clickhouse.example:8443");
}

TEST(Url, HasThePortOfItsScheme) {
  EXPECT_EQ(parse_url("http://a", "").port, 80);
  EXPECT_EQ(parse_url("HTTPS://a", "").port, 443);
  EXPECT_EQ(parse_url("https://a", "").authority(), "a");
  EXPECT_EQ(parse_url("https://a:80", "").authority(), "a:80");
}

TEST(Url, TakesIpv6AddressesInBrackets) {
  const Url url = parse_url("http://[FE80::1%eth0]:8123", "");
  EXPECT_EQ(url.host, "fe80::1%eth0");
  EXPECT_EQ(url.place(), "[fe80::1%eth0]:8123");
  EXPECT_EQ(parse_url("http://[::1]", "").authority(), "[::1]");
}

TEST(Url, DecodesAUserAndAPassword) {
  const Url url = parse_url("http://me:p%40ss@proxy:3128", "");
  EXPECT_EQ(url.user_info, "me:p@ss");
  EXPECT_EQ(url.host, "proxy");
}

TEST(Url, RefusesWhatIsNone) {
  for (const char* const bad : {"",
                                "clickhouse:8123",
                                "ftp://a",
                                "http://",
                                "http://:80",
                                "http://a:0",
                                "http://a:65536",
                                "http://a:",
                                "http://a:8x",
                                "http://a b",
                                "http://a/x y",
                                "http://a/#part",
                                "http://::1:80",
                                "http://[::1",
                                "http://[a]",
                                "http://[::1]8",
                                "http://a\r\nX: y",
                                "http://a/\r\nX: y",
                                "http://a%0a",
                                "http://user@",
                                "http:///x"}) {
    EXPECT_NE(refusal(bad), "taken") << bad;
  }
  EXPECT_EQ(refusal("clickhouse:8123"),
            "The setting `url` has to begin with http:// or https://, as in https://clickhouse.example:8443.");
}

TEST(Url, NeverTellsASecretInARefusal) {
  for (const char* const bad : {"http://me:hush@a:0", "ftp://me:hush@a", "http://me:hush@", "http://me:hush@a b/",
                                "me:hush@a", "http://me:hush@[x]", "http://me:hush@a/#hush"}) {
    EXPECT_EQ(refusal(bad).find("hush"), std::string::npos) << bad;
  }
}

}  // namespace
}  // namespace cgmm::net
