// SPDX-License-Identifier: Apache-2.0
// The page "now" of `serve`: it follows the history, and can be sorted.
#include "browser/served.hpp"

namespace cgmm::test {
namespace {

class NowPage : public ServedPageTest {
 protected:
  void SetUp() override {
    BrowserTest::SetUp();
    if (IsSkipped()) return;
    cgroups().put("/web", v1_files({.file_bytes = 10 * kMiB, .anon_bytes = 20 * kMiB}));
    cgroups().put("/db", v1_files({.file_bytes = 60 * kMiB, .anon_bytes = 5 * kMiB}));
    cgroups().put(kHostile, v1_files(kBelow));
    scan();
    begin_serving();
  }

  static bool has(Tab& tab, const std::string& expression) {
    return eventually([&] { return tab.ask(expression) == true; });
  }
  static std::string column(Tab& tab, int number) {
    return tab.ask("[...document.querySelectorAll('tbody tr')].map(row => row.cells[" + std::to_string(number) +
                   "].textContent.trim()).join()");
  }
  std::size_t processes_of_serve() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string command = content_of(entry.path() / "cmdline");
      const bool is_page = command.find(std::string("report\0now", 10)) != std::string::npos;
      if (is_page && command.find(database().string()) != std::string::npos) ++count;
    }
    return count;
  }

  inline static const std::string kHostile = "/a\n<img src=x onerror=alert(1)>\"'&";
};

TEST_F(NowPage, FollowsTheHistory) {
  Tab tab;
  tab.open(url_ + "/now");
  EXPECT_TRUE(tab.ask("document.querySelector('h1').textContent").get<std::string>().starts_with("Cgroups now"));
  const double first_us = std::stod(tab.ask("document.getElementById('newest').dataset.atUs").get<std::string>());
  EXPECT_TRUE(has(tab, "document.getElementById('age').textContent.includes('ago')")) << "an event told its age";
  tab.ask(
      "document.querySelector('tbody a[href=\"/cgroup//db\"]').id = 'kept'; document.getElementById('kept').focus()");
  const std::string before = tab.ask("document.querySelector('tbody').textContent");

  cgroups().put("/db", v1_files({.file_bytes = 1 * kMiB, .anon_bytes = 2 * kMiB}));
  cgroups().put("/new<i>", v1_files({.file_bytes = 50 * kMiB, .anon_bytes = 40 * kMiB}));
  scan();
  EXPECT_TRUE(has(tab, "document.getElementById('newest').dataset.atUs > " + std::to_string(first_us)));
  const std::string after = tab.ask("document.querySelector('tbody').textContent");
  EXPECT_NE(before, after);
  EXPECT_NE(after.find("/new<i>"), std::string::npos) << after;
  EXPECT_EQ(tab.ask("document.activeElement.id"), "kept") << "what had the focus still has it";
  EXPECT_EQ(tab.ask("document.querySelectorAll('tbody img, tbody i').length"), 0) << "names are texts";
  // What the script made of it is what the server says.
  const std::string followed =
      tab.ask("[...document.querySelectorAll('table tr')].map(row => row.innerText).join('\\n')");
  tab.open(url_ + "/now");
  EXPECT_EQ(tab.ask("[...document.querySelectorAll('table tr')].map(row => row.innerText).join('\\n')"), followed);
  expect_clean(tab);
}

TEST_F(NowPage, IsSortedByAClickOrALink) {
  Tab tab;
  tab.open(url_ + "/now");
  const std::string usage = column(tab, 1);
  EXPECT_EQ(tab.ask("document.querySelector('[aria-sort]').textContent"), "usage");
  tab.ask("document.querySelector('th a[href^=\"?sort=usage_bytes\"]').click()");
  EXPECT_NE(column(tab, 1), usage) << "the other way round";
  tab.ask("document.querySelector('th a[href^=\"?sort=reclaimable_cache_bytes\"]').click()");
  const std::string by_cache = column(tab, 0);
  EXPECT_EQ(tab.ask("document.querySelectorAll('[aria-sort=descending]').length"), 1);
  EXPECT_EQ(tab.ask("location.search"), "?sort=reclaimable_cache_bytes");
  scan();
  EXPECT_TRUE(has(tab, "document.getElementById('age').textContent !== ''"));
  EXPECT_EQ(tab.ask("document.querySelectorAll('[aria-sort=descending]').length"), 1);

  Tab plain;
  plain.call("Emulation.setScriptExecutionDisabled", {{"value", true}});
  plain.open(url_ + "/now?sort=reclaimable_cache_bytes");
  EXPECT_EQ(column(plain, 0), by_cache);
  EXPECT_EQ(plain.ask("document.querySelector('[aria-sort]').textContent"), "reclaimable cache");
  expect_clean(tab);
}

TEST_F(NowPage, IsFilteredAndMadeATreeWhichTheAddressKeeps) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "UPDATE cgroup SET namespace = 'shop', pod = 'web-1', container = substr(path, 2) WHERE path IN ('/web', "
          "'/db')");
  const char* const shown =
      "[...document.querySelectorAll('tbody tr:not([hidden])')].map(row => row.className.trim() + "
      "':' + row.cells[0].textContent).join('|')";
  const auto rows = [&](Tab& tab) { return tab.ask(shown).get<std::string>(); };
  Tab tab;
  tab.open(url_ + "/now");
  EXPECT_EQ(tab.ask("document.querySelector('form.filter input[type=checkbox]').click(), location.search"),
            "?view=tree");
  const std::string tree = rows(tab);
  EXPECT_NE(tree.find("group deep-0:shop 2 cgroups, usage "), std::string::npos) << tree;
  EXPECT_NE(tree.find("group deep-1:web-1 2 cgroups, usage "), std::string::npos) << tree;
  EXPECT_NE(tree.find("deep-2:shop/web-1/db|deep-2:shop/web-1/web"), std::string::npos) << tree;
  tab.ask("document.querySelector('.group button').click()");
  EXPECT_EQ(rows(tab).find("web-1"), std::string::npos) << rows(tab);
  EXPECT_EQ(tab.ask("document.querySelector('.group button').getAttribute('aria-expanded')"), "false");
  tab.ask("document.querySelector('.group button').click()");
  EXPECT_EQ(rows(tab), tree);

  tab.ask(
      "field = document.querySelector('form.filter input[type=search]'), field.value = 'WEB-1/d', "
      "field.dispatchEvent(new Event('input'))");
  EXPECT_EQ(tab.ask("location.search"), "?view=tree&filter=WEB-1%2Fd");
  EXPECT_EQ(rows(tab).find("web-1/web"), std::string::npos) << rows(tab);
  EXPECT_EQ(tab.ask("document.querySelector('form.filter [role=status]').textContent"), "1 of 3");
  const std::string filtered = rows(tab);
  const std::string before = tab.ask("document.getElementById('newest').dataset.atUs");
  scan();
  EXPECT_TRUE(has(tab, "document.getElementById('newest').dataset.atUs > " + before)) << "it follows all the same";
  EXPECT_EQ(rows(tab), filtered);
  tab.open(url_ + "/now?view=tree&filter=WEB-1%2Fd");
  EXPECT_EQ(rows(tab), filtered) << "from the address";

  Tab plain;
  plain.call("Emulation.setScriptExecutionDisabled", {{"value", true}});
  plain.open(url_ + "/now?cgroup=db&since=2h&sort=held_bytes");
  EXPECT_EQ(column(plain, 0), "shop/web-1/db");
  EXPECT_EQ(plain.ask("document.querySelector('form.filter input[name=since]').value"), "2h");
  EXPECT_EQ(plain.ask("document.querySelectorAll('form.filter [hidden] input[type=checkbox]').length"), 1);
  expect_clean(tab);
}

TEST_F(NowPage, IsMadeByOneProcessForAllAndByNoneWhenNobodyWatches) {
  {
    Tab tab;
    tab.open(url_ + "/now");
    EXPECT_TRUE(has(tab, "document.getElementById('age').textContent.includes('ago')"));
    const std::string script =
        "Promise.all(Array.from({length: 4}, () => new Promise(done => {"
        " const events = new EventSource('/now/events'); window.all = (window.all ?? []).concat(events);"
        " events.addEventListener('page', () => done(1)); }))).then(all => all.length)";
    EXPECT_EQ(tab.ask(script), 4) << "each gets the page that there is";
    EXPECT_LE(processes_of_serve(), 1u);
    expect_clean(tab);
  }
  EXPECT_TRUE(eventually([&] { return processes_of_serve() == 0; }));
}

TEST_F(NowPage, SaysThatTheServiceIsStopped) {
  {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec("UPDATE scan SET started_at_us = started_at_us - 3600000000");
  }
  Tab tab(kPhone);
  tab.open(url_ + "/now");
  EXPECT_TRUE(has(tab, "document.querySelector('.late #age')?.textContent === '60 min ago: is the service stopped?'"))
      << tab.ask("document.getElementById('newest').outerHTML");
  EXPECT_LE(tab.ask("document.documentElement.scrollWidth").get<int>(), kPhone.width);
  expect_clean(tab);
}

TEST_F(NowPage, OfAnotherTimeStandsStill) {
  Tab tab;
  tab.open(url_ + "/now?until=2030-01-01&cgroup=/web");
  EXPECT_EQ(tab.ask("document.querySelectorAll('#newest[data-events]').length"), 0);
  expect_clean(tab);
}

}  // namespace
}  // namespace cgmm::test
