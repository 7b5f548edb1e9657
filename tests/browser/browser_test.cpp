// SPDX-License-Identifier: Apache-2.0
// Whether the tests of pages would see what is wrong with one.
#include "browser/browser.hpp"

namespace cgmm::test {
namespace {

class BrowserItself : public BrowserTest {
 protected:
  /// Of a page with this body, on a phone.
  std::string faults(const std::string& body, const std::string& head = "") const {
    write(file("page.html"), "<!DOCTYPE html><html><head><title>t</title>" + head +
                                 "<style>body{margin:0}.ax{position:absolute;top:0}</style></head><body>" + body +
                                 "</body></html>");
    std::string all;
    for (const std::string& fault : faults_of(Browser::look_at(file("page.html"), {kPhone}).at(0), kPhone)) {
      all += fault + "\n";
    }
    return all;
  }
};

TEST_F(BrowserItself, FindsNothingWrongWithWhatIsRight) {
  EXPECT_EQ(faults("<p>fine</p><span class=\"ax\" style=\"left:0\">a</span><span class=\"ax\" "
                   "style=\"left:50px\">b</span>"
                   "<span class=\"ax\" style=\"display:none\">hidden</span><svg><text y=\"90\">c</text></svg>"),
            "");
}

TEST_F(BrowserItself, SeesWhatTheLayoutDoes) {
  EXPECT_EQ(faults("<div style=\"width:400px\">wide</div>"), "is 400.000000 wide on 390\n");
  EXPECT_EQ(faults("<span class=\"ax\">one</span><span class=\"ax\">two</span>"), "on top of each other: one, two\n");
  EXPECT_EQ(faults("<span class=\"ax\" style=\"font-size:8px\">a</span>"), "too small: a\n");
  EXPECT_EQ(faults("<svg viewBox=\"0 0 780 100\" width=\"390\" height=\"50\"><text y=\"50\">b</text></svg>"),
            "too small: b\n");
  EXPECT_EQ(faults("<div style=\"overflow:hidden;height:50px\"><span class=\"ax\" style=\"left:-5px\">c</span></div>"),
            "cut off: c\n");
  EXPECT_EQ(faults("<p style=\"color:#999\">grey</p>"), "hard to read: : grey\n");
}

TEST_F(BrowserItself, SeesWhatThePageDoes) {
  EXPECT_NE(faults("<script>1</script>").find("has scripts\n"), std::string::npos);
  EXPECT_NE(faults("<script>console.error('oh')</script>").find("\"oh\""), std::string::npos);
  EXPECT_NE(faults("<img src=\"https://example.com/x.png\">").find("fetched: https://example.com/x.png\n"),
            std::string::npos);
  const std::string refused = faults("<img src=\"https://example.com/x.png\">",
                                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                                     "'none'; style-src 'unsafe-inline'\">");
  EXPECT_NE(refused.find("logged: "), std::string::npos) << refused;
  EXPECT_NE(refused.find("Content Security Policy"), std::string::npos) << refused;
}

}  // namespace
}  // namespace cgmm::test
