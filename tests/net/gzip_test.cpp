// SPDX-License-Identifier: Apache-2.0
#include "net/gzip.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace cgmm::net {
namespace {

constexpr std::size_t kEnough = 64 << 20;

std::string packed(const std::string& text) {
  GzipWriter writer;
  writer.write(text);
  return writer.finish();
}

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TEST(Gzip, GivesBackWhatWasPacked) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(16 << 10, 'a'), noise(16 << 10),
                                  noise(100'000), std::string(5 << 20, 'b')}) {
    std::string back = "before ";
    EXPECT_EQ(gunzip(packed(text), kEnough, back), Unpacked::whole);
    EXPECT_EQ(back, "before " + text);
  }
}

TEST(Gzip, PacksTheSameTextToTheSameBytesHoweverItIsWritten) {
  const std::string text = noise(1000) + std::string(1000, 'z');
  GzipWriter writer;
  for (const char c : text) writer.write({&c, 1});
  const std::string first = writer.finish();
  EXPECT_EQ(first, packed(text));
  writer.write(text);  // it has begun anew
  EXPECT_EQ(writer.finish(), first);
  EXPECT_EQ(first.substr(4, 4), std::string(4, '\0'));  // no time
}

TEST(Gzip, TakesSeveralFilesOneAfterAnother) {
  std::string text;
  EXPECT_EQ(gunzip(packed("one ") + packed("two"), kEnough, text), Unpacked::whole);
  EXPECT_EQ(text, "one two");
}

TEST(Gzip, EndsAtTheLimit) {
  const std::string bomb = packed(std::string(50 << 20, '\0'));
  ASSERT_LT(bomb.size(), std::size_t{300'000});
  std::string text;
  EXPECT_EQ(gunzip(bomb, 1 << 20, text), Unpacked::too_big);
  EXPECT_LE(text.size(), std::size_t{1 << 20});

  std::string exactly;
  EXPECT_EQ(gunzip(packed("12345"), 5, exactly), Unpacked::whole);
  EXPECT_EQ(gunzip(packed("12345"), 4, exactly), Unpacked::too_big);
}

TEST(Gzip, TellsWhatIsCutOrDamaged) {
  const std::string whole = packed(noise(40'000));
  for (std::size_t size = 0; size < whole.size(); size += size < 40 ? 1 : 997) {
    std::string text;
    EXPECT_EQ(gunzip(std::string_view(whole).substr(0, size), kEnough, text), Unpacked::broken) << size;
  }
  std::string text;
  std::string damaged = whole;
  damaged[20'000] ^= 0x10;
  EXPECT_EQ(gunzip(damaged, kEnough, text), Unpacked::broken);
  EXPECT_EQ(gunzip("no gzip at all", kEnough, text), Unpacked::broken);
  EXPECT_EQ(gunzip(whole + "rest", kEnough, text), Unpacked::broken);
}

}  // namespace
}  // namespace cgmm::net
