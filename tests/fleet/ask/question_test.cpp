// SPDX-License-Identifier: Apache-2.0
#include "fleet/ask/question.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace cgmm::fleet {
namespace {

const core::Parameters kAsked{{"since_us", std::int64_t{1}},
                              {"until_us", std::int64_t{2}},
                              {"node_glob", std::string("node-*")},
                              {"workload_glob", std::string("o'dd")}};

TEST(Question, EachHasATitleAndATextThatCanBeRun) {
  const auto names = names_of_questions();
  EXPECT_NE(std::ranges::find(names, "nodes"), names.end());
  for (const std::string& name : names) {
    EXPECT_FALSE(name.starts_with("part_"));
    const report::Report one = question(name);
    EXPECT_NE(one.title, name) << "the first comment line is the title";
    const std::string text = filled(one.sql, kAsked);
    EXPECT_EQ(text.find_first_of("{};"), std::string::npos) << text;
    EXPECT_EQ(text.find("-- "), std::string::npos) << text;
    EXPECT_NE(text.find("match(node, '^node\\\\-')"), std::string::npos) << text;
    for (const core::EmbeddedText& part : kQuestions) {
      const std::string place = "(" + std::string(part.name.substr(part.name.find('_') + 1)) + ")";
      EXPECT_TRUE(!part.name.starts_with("part_") || text.find(place) == std::string::npos) << name << ": " << place;
    }
  }
}

TEST(Question, AParameterIsALiteralAndAGlobACondition) {
  EXPECT_EQ(
      filled("{since_us} {workload_glob}{node}",
             {{"since_us", std::int64_t{-5}}, {"workload_glob", std::string("o'dd")}, {"node", std::string("o'dd*")}}),
      "toInt64(-5) '^o\\\\\\'dd$''o\\'dd*'");
  const core::Parameters all{{"node_glob", std::string("*")}, {"workload_glob", std::string("*")}};
  EXPECT_EQ(filled("{of_node} {of_workload} {of_kill}", all), "1 1 1");
  EXPECT_THROW(filled("{nobody}", kAsked), std::logic_error);
  EXPECT_THROW(filled("{since_us", kAsked), std::logic_error);
  EXPECT_THROW(question("part_coverage_"), std::logic_error);
}

}  // namespace
}  // namespace cgmm::fleet
