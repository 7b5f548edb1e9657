// SPDX-License-Identifier: Apache-2.0
// A chart of `serve` is looked at more closely: by dragging, by keys, and by links without a script.
#include "browser/served.hpp"

namespace cgmm::test {
namespace {

/// A day of scans, one a minute, up to 2026-11-23T03:12:00Z.
class ZoomedPage : public ServedPageTest {
 protected:
  void SetUp() override {
    BrowserTest::SetUp();
    if (IsSkipped()) return;
    cgroups().put("/web", v1_files(kBelow));
    scan();
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec("BEGIN; DELETE FROM sample; DELETE FROM scan");
    db.exec(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1440) "
        "INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "SELECT (unixepoch('2026-11-23T03:12:00Z') - 60 * (1440 - i)) * 1000000, 1000, 1, 0, 0, 60000000 FROM n");
    db.exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, anon_kib, file_kib, shmem_kib, oom_kills) "
        "SELECT scan_id, cgroup_id, 300000 + scan_id * 7919 % 400000, 200000, 100000, 0, 0 FROM scan, cgroup");
    db.exec("UPDATE cgroup SET first_seen_at_us = (SELECT min(started_at_us) FROM scan), vanished_at_us = NULL");
    db.exec("COMMIT");
    begin_serving();
  }

  static constexpr const char* kDay = "/cgroup/%2Fweb?since=2026-11-22T03:12:00Z&until=2026-11-23T03:12:00Z";

  /// The times of the address that the tab is at, in seconds since the begin of the day.
  static std::pair<double, double> window_of(Tab& tab) {
    const auto at = [&](const std::string& name) {
      return tab
          .ask("(Date.parse(new URL(location.href).searchParams.get('" + name +
               "')) - Date.parse('2026-11-22T03:12:00Z')) / 1000")
          .get<double>();
    };
    return {at("since"), at("until")};
  }
  static nlohmann::json chart_box(Tab& tab) {
    return tab.ask(
        "(() => { const b = document.querySelector('.canvas').getBoundingClientRect();"
        " return [b.left, b.top + b.height / 2, b.width]; })()");
  }
};

TEST_F(ZoomedPage, IsTheTimeThatWasDraggedOver) {
  Tab tab;
  tab.open(url_ + kDay);
  const auto box = chart_box(tab);
  const double left = box[0], y = box[1], width = box[2];
  EXPECT_TRUE(tab.ask("!document.querySelector('.with-script').hidden"));
  tab.expect_load([&] { tab.drag(left + width / 2, left + width / 4, y); });  // also to the left
  const auto [since, until] = window_of(tab);
  const double day_s = 86'400, pixel_s = day_s / width;
  EXPECT_NEAR(since, day_s / 4, 2 * pixel_s);
  EXPECT_NEAR(until, day_s / 2, 2 * pixel_s);
  // The server has drawn that time, with every sample of it.
  const double from_us = std::stod(tab.ask("document.querySelector('figure').dataset.fromUs").get<std::string>());
  EXPECT_GE(from_us / 1e6 - 1'795'317'120, since);
  EXPECT_LE(from_us / 1e6 - 1'795'317'120, since + 60);
  EXPECT_EQ(tab.ask("location.hash"), "#chart-1");
  expect_clean(tab);
}

TEST_F(ZoomedPage, AClickChoosesNothing) {
  Tab tab;
  tab.open(url_ + kDay);
  const auto box = chart_box(tab);
  const double left = box[0], y = box[1];
  const auto loads = tab.requests.size();
  tab.drag(left + 50, left + 52, y);
  EXPECT_TRUE(tab.ask("document.querySelector('.chosen').hidden"));
  EXPECT_EQ(tab.requests.size(), loads);
  EXPECT_EQ(tab.ask("location.search"), "?since=2026-11-22T03:12:00Z&until=2026-11-23T03:12:00Z");
  expect_clean(tab);
}

TEST_F(ZoomedPage, WorksByTouchOnAPhone) {
  Tab tab(kPhone);
  tab.call("Emulation.setTouchEmulationEnabled", {{"enabled", true}});
  tab.open(url_ + kDay);
  const auto box = chart_box(tab);
  const double left = box[0], y = box[1], width = box[2];
  tab.expect_load([&] { tab.swipe(left + width * 0.5, left + width * 0.75, y); });
  const auto [since, until] = window_of(tab);
  EXPECT_NEAR(since, 43'200, 3 * 86'400 / width);
  EXPECT_NEAR(until, 64'800, 3 * 86'400 / width);
  EXPECT_LE(tab.ask("document.documentElement.scrollWidth").get<int>(), kPhone.width);
  expect_clean(tab);
}

TEST_F(ZoomedPage, KeysDoWhatTheLinksDo) {
  Tab tab;
  tab.open(url_ + kDay);
  using Window = std::pair<double, double>;
  tab.expect_load([&] { tab.press("ArrowLeft"); });
  EXPECT_EQ(window_of(tab), (Window{-43'200, 43'200}));
  tab.expect_load([&] { tab.press("ArrowRight"); });
  EXPECT_EQ(window_of(tab), (Window{0, 86'400}));
  tab.expect_load([&] { tab.press("+", "+"); });
  EXPECT_EQ(window_of(tab), (Window{21'585, 64'755})) << "half of the time from the first to the last sample";
  tab.expect_load([&] { tab.press("-", "-"); });
  EXPECT_EQ(window_of(tab), (Window{0, 86'340}));
  tab.expect_load([&] { tab.press("0", "0"); });
  EXPECT_EQ(tab.ask("location.search"), "");
  expect_clean(tab);
}

TEST_F(ZoomedPage, WithoutAScriptLinksDoTheSame) {
  Tab tab;
  tab.call("Emulation.setScriptExecutionDisabled", {{"value", true}});
  tab.open(url_ + kDay);
  EXPECT_TRUE(tab.ask("document.querySelector('.with-script').hidden"));
  const std::string links = tab.ask("[...document.querySelectorAll('.window a')].map(one => one.textContent).join()");
  EXPECT_TRUE(links.starts_with("Earlier,") && links.ends_with("Closer,Wider,Newest")) << links;
  const std::string closer = tab.ask("document.querySelectorAll('.window a[data-key=\"+\"]')[0].href");
  tab.open(closer);
  EXPECT_EQ(window_of(tab), (std::pair<double, double>{21'585, 64'755}));
}

TEST_F(ZoomedPage, CloserIsIntoWhatIsShownAlsoWhereOnlyTheEndOfTheWindowHasSamples) {
  Tab tab;
  tab.open(url_ + "/cgroup/%2Fweb?since=2026-11-20T03:12:00Z&until=2026-11-22T04:12:00Z");  // two days and an hour
  tab.expect_load([&] { tab.press("+", "+"); });
  EXPECT_EQ(window_of(tab), (std::pair<double, double>{885, 2655}));
  EXPECT_EQ(tab.ask("document.querySelectorAll('figure').length"), 1);
  expect_clean(tab);
}

TEST_F(ZoomedPage, OfATimeWithoutSamplesLeadsBack) {
  Tab tab;
  tab.open(url_ + "/cgroup/%2Fweb?since=2026-11-22T03:12:10Z&until=2026-11-22T03:12:20Z");
  EXPECT_EQ(tab.ask("document.querySelectorAll('figure').length"), 0);
  const std::string text = tab.ask("document.body.innerText");
  EXPECT_NE(text.find("There are no samples of a cgroup"), std::string::npos) << text;
  EXPECT_NE(text.find("the time since 2026-11-22T03:12:00Z"), std::string::npos) << text;
  tab.open(tab.ask("document.querySelector('.window a[data-key=\"0\"]').href"));
  expect_clean(tab);
  tab.open(url_ + "/cgroup/%2Fnope");
  EXPECT_EQ(tab.ask("document.querySelectorAll('nav').length"), 1) << "a mistake leads on";
}

}  // namespace
}  // namespace cgmm::test
