// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_messages.hpp"

#include "kernel/oom_log.hpp"

namespace cgmm::kernel {
namespace {

// --- Records
// ---------------------------------------------------------------------------------------------------

TEST(ParseRecord, TakesOneReadOfTheDevice) {
  const auto record =
      parse_record("30,1234,987654321,-,caller=T12;eth0: up\\x0aand \\\\x5c\\x5crunning\n SUBSYSTEM=net\n DEVICE=n2\n");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->priority, 30U);
  EXPECT_EQ(record->sequence, 1234U);
  EXPECT_EQ(record->at_us, 987654321);
  EXPECT_FALSE(record->continued);
  EXPECT_EQ(record->text, "eth0: up\nand \\\\\\running");
}

TEST(ParseRecord, KnowsFragmentsOfAllKernels) {
  EXPECT_FALSE(parse_record("6,1,2,-;x")->continued);
  EXPECT_TRUE(parse_record("6,1,2,c;x")->continued);
  EXPECT_TRUE(parse_record("6,1,2,+;x")->continued);
}

TEST(ParseRecord, LeavesWhatIsNoEscapeAlone) {
  EXPECT_EQ(parse_record("6,1,2,-;\\xzz \\x4 \\x")->text, "\\xzz \\x4 \\x");
  EXPECT_EQ(parse_record("6,1,2,-;\\x41\\xc3\\xa9")->text, "A\xc3\xa9");
  EXPECT_EQ(parse_record("6,1,2,-;before\\x00behind")->text, "before");
  EXPECT_EQ(parse_record("6,1,2,-;")->text, "");
}

TEST(ParseRecord, RefusesEverythingElse) {
  for (const char* raw : {"",
                          "\n",
                          ";",
                          "6",
                          "6,1",
                          "6,1,2",
                          "6,1,2,-",
                          "6,1,2;x",
                          "6,1,2,;x",
                          "6,1,-2,-;x",
                          "-6,1,2,-;x",
                          ",1,2,-;x",
                          "6,,2,-;x",
                          "6, 1,2,-;x",
                          "x,1,2,-;x",
                          " SUBSYSTEM=net;x",
                          "6,1,2,-\n;x",
                          "99999999999,1,2,-;x",
                          "6,99999999999999999999,2,-;x",
                          "6,1,99999999999999999999,-;x"}) {
    EXPECT_FALSE(parse_record(raw)) << raw;
  }
}

TEST(ParseRecord, BoundsTheText) {
  EXPECT_EQ(parse_record("6,1,2,-;" + std::string(1 << 20, 'x'))->text.size(), 8192U);
}

// --- Kernels
// ---------------------------------------------------------------------------------------------------

/// A path of `count` names of 200 bytes.
std::string longs(int count) {
  std::string path;
  for (int i = 0; i < count; ++i) path += "/" + std::string(200, 'l');
  return path;
}

// A kill is three lines: the victim; where; the memory of the cgroup at its limit. Sizes are KiB.
TEST(OomParser, FindsTheKillsOfEveryKernel) {
  struct Case {
    std::string file;
    Lines kills;
  };
  const std::vector<Case> cases = {
      {"3.10",
       {"java pid=28438 uid=- rss=466160,13684,-",
        "limit=/kubepods/pod95387fa4-da9c-11e7-9d36-5254b24cbf5e "
        "victim=/kubepods/pod95387fa4-da9c-11e7-9d36-5254b24cbf5e/"
        "6895a3e13439535852d3184ac2aadd26d7363cc035f171545ec7d4ce74073b0b",
        "limit=524288 usage=524288 anon=524256 file=32 inactive_file=12 active_file=4 kernel=0 swap=524356",
        "mysqld pid=2188 uid=27 rss=864176,8072,0", "node victim=", "-"}},
      {"3.16",
       {"stress pid=3897 uid=- rss=1048132,12,-", "limit=/lxc/web victim=/lxc/web",
        "limit=1048576 usage=1048576 anon=1048388 file=188 inactive_file=52 active_file=16 dirty=0"}},
      {"4.4",
       {"node pid=5009 uid=- rss=196612,12768,-",
        "limit=/docker/34186d9bd07706222bd427bb647ceed81e8e108eb653ff73c7137099fca1cab6 "
        "victim=/docker/34186d9bd07706222bd427bb647ceed81e8e108eb653ff73c7137099fca1cab6",
        "limit=204800 usage=204800 anon=197168 file=108 inactive_file=52 active_file=40 dirty=8 "
        "kernel=7524"}},
      {"4.9",
       {"nginx pid=15222 uid=- rss=88000,1200,0",
        "limit=/kubepods/burstable/poddfc7f441-06db-11ea-842a-0227fba247b6 "
        "victim=/kubepods/burstable/poddfc7f441-06db-11ea-842a-0227fba247b6/2933ad3a",
        "limit=92160 usage=92160 anon=89000 file=264 shmem=100 inactive_file=20 active_file=144 dirty=8 "
        "kernel=2160"}},
      {"4.14",
       {"mem pid=93 uid=- rss=509000,4,0",
        "limit=/docker/609e7ec068ac9642229a994438d5a1f68ab5fe9ef81748e367d35b997bd65ae8 "
        "victim=/docker/609e7ec068ac9642229a994438d5a1f68ab5fe9ef81748e367d35b997bd65ae8",
        "limit=512000 usage=512000 anon=511000 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 "
        "kernel=1048 swap=0",
        "chrome pid=1234 uid=- rss=1234567,0,0", "node victim=", "-"}},
      {"4.19-group",
       {"a.out pid=7202 uid=- rss=128888,1064,0 processes=3 counted=4", "limit=/test1 victim=/test1 group=/test1",
        "limit=131072 usage=131072 anon=130228 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0"}},
      {"5.0",
       {"rsync pid=4102 uid=- rss=61000,0,0", "limit=/system.slice/backup.service victim=/system.slice/backup.service",
        "limit=65536 usage=65536 anon=63000 file=1200 shmem=0 inactive_file=600 active_file=600 dirty=16 "
        "swap=1024"}},
      {"5.2",
       {"rsync pid=4100 uid=1000 rss=61000,0,0",
        "limit=/system.slice/backup.service victim=/system.slice/backup.service",
        "limit=65536 usage=65536 anon=63000 file=1200 shmem=0 inactive_file=600 active_file=600 dirty=16 "
        "swap=0"}},
      {"5.4-v1",
       {"python3 pid=20121 uid=65534 rss=48564,5120,0",
        "limit=/kubepods/burstable/poddfc7f441-06db-11ea-842a-0227fba247b6 "
        "victim=/kubepods/burstable/poddfc7f441-06db-11ea-842a-0227fba247b6/0a1b2c",
        "limit=51200 usage=51200 anon=49024 file=264 shmem=0 inactive_file=132 active_file=132 dirty=0 "
        "kernel=1740"}},
      {"5.10-node",
       {"node pid=5678 uid=1000 rss=987654,123456,0", "node victim=/user.slice/user-1000.slice/session-2.scope", "-",
        "(resolved) pid=15925 uid=101 rss=4064,3584,0", "cpuset nodes=0 victim=/left", "-"}},
      {"5.15-group",
       {"stress pid=68061 uid=0 rss=2884696,288,0 processes=2 counted=3",
        "limit=/kubepods.slice "
        "victim=/kubepods.slice/kubepods-burstable.slice/"
        "kubepods-burstable-pod10d16a28_60ff_475f_a631_510d9792219f.slice/"
        "cri-containerd-178ec18073cc6ac7be2de8d9869daf162a6349dd056b6535849112c53ec3102a.scope "
        "group=/kubepods.slice/kubepods-burstable.slice/"
        "kubepods-burstable-pod10d16a28_60ff_475f_a631_510d9792219f.slice/"
        "cri-containerd-178ec18073cc6ac7be2de8d9869daf162a6349dd056b6535849112c53ec3102a.scope",
        "limit=4128768 usage=4128768 anon=4099776 file=13200 shmem=4 inactive_file=6600 active_file=6596 "
        "dirty=140 kernel=3124 swap=0"}},
      {"6.1-group",
       {"busybox pid=85 uid=0 rss=24444,4,1344", "limit=/pod victim=/pod/one, (two),task_memcg=",
        "limit=24576 usage=24576 anon=24468 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=108 "
        "swap=0",
        "busybox pid=87 uid=0 rss=15996,4,1344 processes=3 counted=4", "limit=/grp victim=/grp group=/grp",
        "limit=16384 usage=16384 anon=16160 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=224 "
        "swap=0"}},
      {"6.1-node", {"busybox pid=92 uid=0 rss=431268,4,1344", "node victim=/", "-"}},
      {"6.1-long-paths",
       {"busybox pid=98 uid=0 rss=8076,4,1344", "limit=" + longs(3) + " victim=" + longs(3),
        "limit=8192 usage=8192 anon=8116 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=76 "
        "swap=0",
        "busybox pid=101 uid=0 rss=8076,4,1344", "limit=" + longs(3) + " victim=",
        "limit=8192 usage=8192 anon=8096 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=96 "
        "swap=0"}},
      {"6.8-v2",
       {"cron pid=812 uid=0 rss=17408,192,0", "limit=/system.slice/cron.service victim=/system.slice/cron.service",
        "limit=20480 usage=20480 anon=17408 file=1280 shmem=8 inactive_file=640 active_file=632 dirty=4 "
        "kernel=1024 swap=512"}},
      {"6.12-group",
       {"busybox pid=139 uid=0 rss=24448,0,1324", "limit=/pod victim=/pod/one, (two),task_memcg=",
        "limit=24576 usage=24576 anon=24468 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=108 "
        "swap=0",
        "busybox pid=141 uid=0 rss=16000,0,1324 processes=3 counted=4", "limit=/grp victim=/grp group=/grp",
        "limit=16384 usage=16384 anon=16136 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=244 "
        "swap=0"}},
      {"6.12-long-paths",
       {"busybox pid=152 uid=0 rss=8064,0,1324", "limit=" + longs(3) + " victim=" + longs(3),
        "limit=8192 usage=8192 anon=8120 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=72 "
        "swap=0",
        "busybox pid=155 uid=0 rss=8064,0,1324", "limit=" + longs(3) + " victim=",
        "limit=8192 usage=8192 anon=8092 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=100 "
        "swap=0"}},
      {"6.12-names",
       {"busybox) t:0kB pid=139 uid=0 rss=3968,0,1324", "limit=/t/tab\t\\ \x01\xc3\xa9 victim=/t/tab\t\\ \x01\xc3\xa9",
        "limit=4096 usage=4096 anon=4028 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=68 "
        "swap=0",
        "busybox,task=b pid=140 uid=0 rss=3968,0,1324", "limit=/t/tab\t\\ \x01\xc3\xa9 victim=/t/tab\t\\ \x01\xc3\xa9",
        "limit=4096 usage=4096 anon=4008 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=88 "
        "swap=0"}},
      {"6.18-v1",
       {"perl pid=2977 uid=0 rss=20352,3396,0",
        "limit=/cgmm-test-31010/kubepods/burstable/pod1f0c2a3b-1111-2222-3333-444455556666/"
        "efca612148e25eb0b1302901c9ef59c1b6a20b4b5d4ad9f28d25551e02d3d488 "
        "victim=/cgmm-test-31010/kubepods/burstable/pod1f0c2a3b-1111-2222-3333-444455556666/"
        "efca612148e25eb0b1302901c9ef59c1b6a20b4b5d4ad9f28d25551e02d3d488",
        "limit=20480 usage=20480 anon=20360 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=120 "
        "swap=0",
        "python3 pid=4307 uid=0 rss=72216,6608,0", "limit=/cgmm-test-2930/anon victim=/cgmm-test-2930/anon",
        "limit=65536 usage=65536 anon=65396 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=140 "
        "swap=0",
        "python3 pid=13775 uid=0 rss=27264,6600,0", "limit=/cgmm-test-2930/oom victim=/cgmm-test-2930/oom",
        "limit=20480 usage=20480 anon=20436 file=0 shmem=0 inactive_file=0 active_file=0 dirty=0 kernel=44 "
        "swap=0"}},
      {"7.0-v2",
       {"cron pid=812 uid=0 rss=17408,192,0", "limit=/system.slice/cron.service victim=/system.slice/cron.service",
        "limit=20480 usage=20480 anon=17408 file=1280 shmem=8 inactive_file=640 active_file=632 dirty=4 "
        "kernel=1024 swap=512"}},
      {"others-between",
       {"cron pid=812 uid=0 rss=17408,192,0", "limit=/system.slice/cron.service victim=/system.slice/cron.service",
        "limit=20480 usage=20480 anon=17408 file=1280"}},
  };
  for (const Case& one : cases) EXPECT_EQ(kills_in_file(one.file), one.kills) << one.file;
}

TEST(OomParser, FindsTheSameKillsInALogOfAllKernels) {
  std::size_t count = 0;
  std::vector<LogRecord> records;
  for (const char* name : {"3.10",
                           "3.16",
                           "4.4",
                           "4.9",
                           "4.14",
                           "4.19-group",
                           "5.0",
                           "5.2",
                           "5.4-v1",
                           "5.10-node",
                           "5.15-group",
                           "6.1-group",
                           "6.1-node",
                           "6.1-long-paths",
                           "6.8-v2",
                           "6.12-group",
                           "6.12-long-paths",
                           "6.18-v1",
                           "7.0-v2",
                           "others-between"}) {
    count += kills_in_file(name).size() / 3;
    std::ifstream file(CGMM_SOURCE_DIR "/tests/fuzz/corpus/kernel_log/" + std::string(name));
    for (LogRecord& record : records_of(file)) records.push_back(std::move(record));
  }
  EXPECT_EQ(kills_in(records).size(), count);
}

// --- Groups
// ----------------------------------------------------------------------------------------------------

TEST(OomParser, TellsAGroupsKillsWhenTheyHaveEnded) {
  OomParser parser;
  const auto records =
      log_of({killed(5, "a"), "Tasks in /g are going to be killed due to memory.oom.group set", killed(5, "a"),
              killed(6, "b"), "oom_reaper: reaped process 5 (a), now anon-rss:0kB", killed(7, "c")});
  for (const LogRecord& record : records) {
    EXPECT_FALSE(parser.take(record));
    EXPECT_TRUE(parser.pending());
  }
  const auto kill = parser.flush();
  ASSERT_TRUE(kill);
  EXPECT_EQ(kill->victim_pid, 5);
  EXPECT_EQ(kill->process_count, 3);
  EXPECT_EQ(kill->counted_count, 4);
  EXPECT_EQ(kill->group_path, "/g");
  EXPECT_EQ(kill->logged_at_us, 1000);
  EXPECT_EQ(kill->sequence, 105U);
  EXPECT_FALSE(parser.flush());
}

TEST(OomParser, EndsAGroupsKillWithTheNextEvent) {
  const std::string group = "Tasks in /g are going to be killed due to memory.oom.group set";
  for (const std::string& next :
       {std::string("x invoked oom-killer: gfp_mask=0x0"), oom_kill("/h", "/h", "x", 9),
        std::string("Out of memory: Kill process 9 (x) score 1 or sacrifice child"), killed(9, "x", "Out of memory")}) {
    OomParser parser;
    for (const LogRecord& record : log_of({killed(5, "a"), group, killed(6, "b")})) EXPECT_FALSE(parser.take(record));
    const auto kill = parser.take({.priority = 4, .sequence = 200, .at_us = 1100, .continued = false, .text = next});
    ASSERT_TRUE(kill) << next;
    EXPECT_EQ(kill->process_count, 2);
    EXPECT_EQ(kill->sequence, 102U);
  }
}

TEST(OomParser, CountsALateKillAsOneOfItsOwn) {
  auto records = log_of({killed(5, "a"), "Tasks in /g are going to be killed due to memory.oom.group set",
                         killed(6, "b"), killed(7, "c")});
  records.back().at_us += 3'000'000;
  const auto kills = kills_in(records);
  ASSERT_EQ(kills.size(), 2U);
  EXPECT_EQ(kills[0].process_count, 2);
  EXPECT_EQ(kills[1].victim_pid, 7);
  EXPECT_EQ(kills[1].group_path, "");
}

TEST(OomParser, GoesOnWithAGroupOfWhichOneWasExiting) {
  const auto kills = kills_in(log_of(
      {killed(5, "a"), "Tasks in /g are going to be killed due to memory.oom.group set",
       "Memory cgroup out of memory: OOM victim 6 (b) is already exiting. Skip killing the task", killed(7, "c")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].process_count, 2);
}

TEST(OomParser, KeepsAGroupTogetherWhosePathIsTooLongToTell) {
  const auto kills = kills_in(log_of({killed(5, "a"), "Tasks in /" + std::string(1000, 'g'),
                                      "+ are going to be killed due to memory.oom.group set", killed(6, "b")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].process_count, 2);
  EXPECT_EQ(kills[0].group_path, "");
}

// --- What is not there
// -----------------------------------------------------------------------------------------

TEST(OomParser, TakesAKillWithoutADumpForItself) {
  const auto kills = kills_in(
      log_of({oom_kill("/a", "/a/b", "x", 5), killed(5, "x"), killed(6, "y"), killed(7, "z", "Out of memory")}));
  EXPECT_EQ(text_of(kills), (Lines{"x pid=5 uid=7 rss=3,2,1", "limit=/a victim=/a/b", "-",  //
                                   "y pid=6 uid=7 rss=3,2,1", "limit= victim=", "-",        //
                                   "z pid=7 uid=7 rss=3,2,1", "node victim=", "-"}));
}

TEST(OomParser, DoesNotGiveADumpToTheKillOfAnother) {
  for (const std::vector<std::string>& texts :
       {std::vector<std::string>{"memory: usage 8kB, limit 8kB, failcnt 1", oom_kill("/a", "/a/b", "x", 5),
                                 killed(6, "y")},
        {oom_kill("/a", "/a/b", "x", 5), killed(5, "x", "Out of memory")},
        {oom_kill("/a", "/a/b", "x", 5),
         "Memory cgroup out of memory: OOM victim 5 (x) is already exiting. Skip killing the task", killed(5, "x")},
        {"Task in /a/b killed as a result of limit of /a",
         "Out of memory: Kill process 5 (x) score 5 or sacrifice child",
         "Killed process 5 (x) total-vm:1kB, anon-rss:1kB, file-rss:1kB"},
        {"Task in /a/b killed as a result of limit of /a",
         "Memory cgroup out of memory: Kill process 4 (w) score 5 or sacrifice child",
         "Memory cgroup out of memory: Kill process 5 (x) score 5 or sacrifice child",
         "Killed process 5 (x) total-vm:1kB, anon-rss:1kB, file-rss:1kB"}}) {
    const auto kills = kills_in(log_of(texts));
    ASSERT_FALSE(kills.empty()) << texts.front();
    EXPECT_EQ(kills.back().victim_path, "") << texts.front();
    EXPECT_FALSE(kills.back().memory) << texts.front();
    ASSERT_LE(kills.size(), 2U) << texts.front();
    EXPECT_TRUE(kills.size() == 1 || !kills[0].dump.is_end_told) << texts.front();
  }
}

TEST(OomParser, TellsThePathWhenAnotherThreadOfTheVictimIsNamed) {
  const auto kills = kills_in(log_of({oom_kill("/a", "/a/b", "x", 5), killed(6, "x")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].victim_pid, 6);
  EXPECT_EQ(kills[0].victim_path, "/a/b");
}

TEST(OomParser, TellsNothingOfADumpWithoutAKill) {
  EXPECT_TRUE(
      kills_in(log_of({"x invoked oom-killer: gfp_mask=0x0", "memory: usage 8kB, limit 8kB, failcnt 1",
                       oom_kill("/a", "/a", "x", 5), "Memory cgroup out of memory and no killable processes..."}))
          .empty());
}

TEST(OomParser, TellsAKillThatTheLogBeginsAndDoesNotEnd) {
  OomParser parser;
  const auto records = log_of(texts_in("5.4-no-killed-line.texts"));
  for (const LogRecord& record : records) EXPECT_FALSE(parser.take(record));
  EXPECT_FALSE(parser.flush()) << "the end may follow";
  EXPECT_TRUE(parser.has_begun());
  const auto kill = parser.give_up();
  ASSERT_TRUE(kill);
  const std::string pod =
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f5b1c2d_1111_2222_3333_444455556666.slice";
  const std::string container =
      pod + "/cri-containerd-ec9ee26695deb4cc72bc665efff1cf3a03fdfb12f1303e02fe9252985e084a95.scope";
  EXPECT_EQ(text_of(*kill),
            (Lines{"app pid=4242 uid=1000 rss=-,-,-", "limit=" + container + " begun victim=" + container,
                   "limit=262144 usage=262144 anon=260000000B file=0 swap=0"}));
  EXPECT_FALSE(parser.has_begun());
  EXPECT_FALSE(parser.give_up());
}

TEST(OomParser, TellsAKillThatHasBegunWhenTheNextOneBegins) {
  const std::string next = "y invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
  for (const std::string& begun : {oom_kill("/a", "/a/b", "x", 5),
                                   std::string("Memory cgroup out of memory: Kill process 5 (x) score 9 or sacrifice "
                                               "child")}) {
    const auto kills = kills_in(log_of({begun, next, oom_kill("/c", "/c", "y", 6), killed(6, "y")}));
    ASSERT_EQ(kills.size(), 2U) << begun;
    EXPECT_FALSE(kills[0].dump.is_end_told);
    EXPECT_EQ(kills[0].victim_pid, 5);
    EXPECT_EQ(kills[0].victim_comm, "x");
    EXPECT_TRUE(kills[1].dump.is_end_told);
    EXPECT_EQ(kills[1].victim_path, "/c");
  }
}

TEST(OomParser, TellsAKillThatHasBegunWhenRecordsWereLost) {
  OomParser parser;
  parser.take(log_of({oom_kill("/a", "/a/b", "x,task=y", 5)})[0]);
  const auto kill = parser.lost_records();
  ASSERT_TRUE(kill);
  EXPECT_EQ(kill->victim_path, "/a/b");
  EXPECT_EQ(kill->victim_comm, "x,task=y");
  EXPECT_FALSE(kill->dump.is_end_told);
}

TEST(OomParser, TellsNoKillOfAVictimThatWasExiting) {
  OomParser parser;
  for (const LogRecord& record :
       log_of({oom_kill("/a", "/a", "x", 5),
               "Memory cgroup out of memory: OOM victim 5 (x) is already exiting. Skip killing the task"}))
    EXPECT_FALSE(parser.take(record));
  EXPECT_FALSE(parser.give_up());
}

TEST(OomParser, KeepsADumpWhenFlushedBeforeItsKill) {
  OomParser parser;
  const auto records =
      log_of({"memory: usage 8kB, limit 8kB, failcnt 1", oom_kill("/a", "/a", "x", 5), killed(5, "x")});
  parser.take(records[0]);
  EXPECT_FALSE(parser.flush());
  parser.take(records[1]);
  EXPECT_FALSE(parser.flush());
  parser.take(records[2]);
  const auto kill = parser.flush();
  ASSERT_TRUE(kill);
  EXPECT_EQ(kill->limit_path, "/a");
  EXPECT_TRUE(kill->memory);
}

TEST(OomParser, DropsADumpWhenRecordsWereLost) {
  OomParser parser;
  const auto records = log_of({"memory: usage 8kB, limit 8kB, failcnt 1", killed(5, "x"), killed(6, "y")});
  parser.take(records[0]);
  EXPECT_FALSE(parser.lost_records());
  parser.take(records[1]);
  const auto kill = parser.lost_records();
  ASSERT_TRUE(kill);
  EXPECT_FALSE(kill->memory);
  EXPECT_FALSE(parser.pending());
}

TEST(OomParser, IgnoresWhatUserSpaceWrote) {
  auto records = log_of({oom_kill("/a", "/a", "x", 5), killed(5, "x")});
  for (LogRecord& record : records) record.priority = 8 + 4;
  EXPECT_TRUE(kills_in(records).empty());
  // In between, too.
  records = log_of({oom_kill("/a", "/a", "x", 5), "+junk", oom_kill("/b", "/b", "x", 5), killed(5, "x")});
  records[1].priority = records[2].priority = 8 + 6;
  const auto kills = kills_in(records);
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].limit_path, "/a");
}

// --- Names
// -----------------------------------------------------------------------------------------------------

TEST(OomParser, TakesNamesAsTheyAre) {
  struct Names {
    std::string limit, victim, comm;
  };
  const std::string nasty = "/a b,c (d),task_memcg=,task=x,pid=1,uid=2";
  for (const Names& names : {Names{"/", "/a", "x"},
                             {"/a", "/a", ""},
                             {nasty, nasty, "x"},
                             {nasty, nasty + "/b", "(sd-pam)"},
                             {"/a", "/a" + nasty, ",task=y"},
                             {"/a", "/a/b", "a,task=b,pid=3"},
                             {"/a", "/a/b", "x) total-vm:0kB"},
                             {"/a", "/a/b", ")"},
                             {"/a\nb", "/a\nb/\t\\", "x\ny"},
                             {"/a,mems_allowed=0,oom_memcg=", "/a,mems_allowed=0,oom_memcg=/b", "x"},
                             {"/\xff\xfe", "/\xff\xfe", "\x80"}}) {
    const auto kills = kills_in(log_of({oom_kill(names.limit, names.victim, names.comm, 5), killed(5, names.comm)}));
    ASSERT_EQ(kills.size(), 1U) << names.limit;
    EXPECT_EQ(kills[0].limit_path, names.limit);
    EXPECT_EQ(kills[0].victim_path, names.victim);
    EXPECT_EQ(kills[0].victim_comm, names.comm);
    EXPECT_EQ(kills[0].victim_pid, 5);

    const auto old =
        kills_in(log_of({"Task in " + names.victim + " killed as a result of limit of " + names.limit,
                         "Memory cgroup stats for " + names.limit + ": cache:4KB rss:8KB swap:0KB",
                         "Memory cgroup out of memory: Kill process 5 (" + names.comm + ") score 1 or sacrifice child",
                         "Killed process 5 (" + names.comm + ") total-vm:1kB, anon-rss:1kB, file-rss:1kB"}));
    ASSERT_EQ(old.size(), 1U) << names.limit;
    EXPECT_EQ(old[0].limit_path, names.limit);
    EXPECT_EQ(old[0].victim_path, names.victim);
    EXPECT_EQ(old[0].victim_comm, names.comm);
    ASSERT_TRUE(old[0].memory);
    EXPECT_EQ(old[0].memory->gauges[core::Gauge::file], 4096U);
  }
}

TEST(OomParser, TellsNoPathThatCantBeToldApart) {
  // Which of the two ",task_memcg=" is the kernel's? The limit's is "/a", or all up to "/a/b".
  const std::string limit = "/a,task_memcg=/a/b";
  const auto kills = kills_in(log_of({oom_kill(limit, limit + "/c", "x", 5), killed(5, "x")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].limit_path, "");
  EXPECT_EQ(kills[0].victim_path, "");
}

TEST(OomParser, IsNotFooledByTheNameOfACpuset) {
  const auto kills =
      kills_in(log_of({"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=x,global_oom,task_memcg=,"
                       "mems_allowed=0-1,global_oom,"
                       "task_memcg=/a/b,task=x,pid=5,uid=0",
                       killed(5, "x", "Out of memory")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].victim_path, "/a/b");
}

TEST(OomParser, IsNotFooledByAProcessThatIsCalledLikeAMessage) {
  const auto kills = kills_in(log_of(
      {"Task in /x invoked oom-killer: gfp_mask=0x0, order=0", "Killed process  invoked oom-killer: gfp_mask=0x0",
       "oom-kill:constr invoked oom-killer: gfp_mask=0x0", oom_kill("/a", "/a", "x", 5), killed(5, "x")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].limit_path, "/a");
}

TEST(OomParser, TellsWhatIsLeftOfALineThatWasCut) {
  const std::string line = oom_kill("/a", "/a/b", "x", 51);
  for (std::size_t length = 0; length < line.size(); ++length) {
    const auto kills = kills_in(log_of({line.substr(0, length), killed(51, "x")}));
    ASSERT_EQ(kills.size(), 1U);
    EXPECT_EQ(kills[0].victim_pid, 51);
    EXPECT_EQ(kills[0].victim_uid, 7);
    EXPECT_TRUE(kills[0].limit_path.empty() || kills[0].limit_path == "/a") << length;
    EXPECT_TRUE(kills[0].victim_path.empty() || kills[0].victim_path == "/a/b") << length;
  }
}

TEST(OomParser, JoinsALineWhereverItWasBroken) {
  const std::string line = oom_kill("/a,b", "/a,b/c", "x", 51);
  const std::string old = "Task in /a/b killed as a result of limit of /a";
  for (std::size_t at = std::string("oom-kill:constraint=").size(); at < line.size(); ++at) {
    if (line.substr(0, at).ends_with(",uid=7")) continue;
    const auto kills = kills_in(log_of({line.substr(0, at), "ata1: link up", "+" + line.substr(at), killed(51, "x")}));
    ASSERT_EQ(kills.size(), 1U);
    EXPECT_EQ(kills[0].limit_path, "/a,b") << line.substr(at);
    EXPECT_EQ(kills[0].victim_path, "/a,b/c") << line.substr(at);
  }
  for (std::size_t at = std::string("Task in ").size(); at < old.size(); ++at) {
    const auto kills =
        kills_in(log_of({"+" + old.substr(0, at), "+" + old.substr(at), "+", "Killed process 5 (x) total-vm:1kB"}));
    ASSERT_EQ(kills.size(), 1U);
    EXPECT_EQ(kills[0].limit_path, "/a") << old.substr(at);
    EXPECT_EQ(kills[0].victim_path, "/a/b") << old.substr(at);
  }
}

TEST(OomParser, TellsNoPathThatIsAsLongAsAMessageCanBe) {
  const std::string cut = "/" + std::string(990, 'x');
  const auto kills = kills_in(log_of(
      {oom_kill(cut, cut, "x", 5).substr(0, 1020), "+" + oom_kill(cut, cut, "x", 5).substr(1020), killed(5, "x")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].limit_path, "");
  EXPECT_EQ(kills[0].victim_path, "");
  const std::string whole = "/" + std::string(900, 'x');
  const auto more = kills_in(log_of({oom_kill(whole, whole, "x", 5).substr(0, 1020),
                                     "+" + oom_kill(whole, whole, "x", 5).substr(1020), killed(5, "x")}));
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(more[0].victim_path, whole);
}

// --- Numbers
// ---------------------------------------------------------------------------------------------------

TEST(OomParser, IgnoresNumbersThatCantBe) {
  for (const char* text : {"Killed process 0 (x) total-vm:1kB", "Killed process -1 (x) total-vm:1kB",
                           "Killed process 4294967296 (x) total-vm:1kB",
                           "Killed process 99999999999999999999 (x) total-vm:1kB", "Killed process (x) total-vm:1kB",
                           "Killed process 5", "Killed process 5 (x", "Killed process 5x (x)", "killed process 5 (x)",
                           "Out of memory killed process 5 (x)", "Memory cgroup out of memory:Killed process 5 (x)",
                           "init: Killed process 5 (x)", "Memory cgroup out of memory"}) {
    EXPECT_TRUE(kills_in(log_of({text})).empty()) << text;
  }
  const auto kills = kills_in(
      log_of({"memory: usage 99999999999999999999kB, limit 18014398509481983kB, failcnt 1",
              "Killed process 5 (x) total-vm:1kB, anon-rss:99999999999999999999kB, file-rss:-1kB, UID:4294967296"}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_FALSE(kills[0].memory);
  EXPECT_FALSE(kills[0].anon_rss_bytes);
  EXPECT_FALSE(kills[0].file_rss_bytes);
  EXPECT_FALSE(kills[0].victim_uid);
}

TEST(OomParser, DoesNotTrustTheLastValueOfATextThatMayBeCut) {
  std::string text = "anon 4096\nfile 8192\n";
  while (text.size() < 980) text += "workingset_nodereclaim 0\n";
  text += "slab 123";  // 123456
  const auto kills = kills_in(log_of({"Memory cgroup stats for /a:", text, killed(5, "x")}));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(text_of(kills)[2], "limit=- anon=4 file=8");
}

TEST(OomParser, HasNoKernelMemoryOfCountersThatAreNotInUse) {
  const auto kills = kills_in(
      log_of({"memory: usage 8kB, limit 8kB, failcnt 1", "memory+swap: usage 0kB, limit 9007199254740988kB, failcnt 0",
              "kmem: usage 0kB, limit 9007199254740988kB, failcnt 0", killed(5, "x")}));
  EXPECT_EQ(text_of(kills)[2], "limit=8 usage=8");
}

TEST(OomParser, SurvivesGarbage) {
  OomParser parser;
  const std::vector<std::string> words = {"oom-kill:constraint=",
                                          ",oom_memcg=/a",
                                          ",task_memcg=",
                                          "Task in ",
                                          " killed as a result of limit of ",
                                          "Killed process 5 (",
                                          ") total-vm:",
                                          "Memory cgroup stats for ",
                                          ": cache:",
                                          "KB",
                                          "Tasks in ",
                                          " are going to be killed due to memory.oom.group set",
                                          "\n",
                                          std::string(3000, '/'),
                                          ",pid=1",
                                          ",uid=2"};
  unsigned state = 1;
  for (int i = 0; i < 20'000; ++i) {
    LogRecord record{
        .priority = 6, .sequence = static_cast<std::uint64_t>(i), .at_us = i, .continued = i % 3 == 0, .text = {}};
    for (int j = 0; j < 4; ++j) {
      state = state * 1664525U + 1013904223U;
      record.text += words[(state >> 16) % words.size()];
    }
    if (const auto kill = parser.take(record)) {
      EXPECT_LE(kill->victim_comm.size(), 15U);
      EXPECT_LE(kill->process_count, kill->counted_count);
    }
  }
}

TEST(OomParser, TellsTheSlabThatCanBeDropped) {
  std::ifstream file(CGMM_SOURCE_DIR "/tests/fuzz/corpus/kernel_log/7.0-v2");
  const std::vector<LoggedKill> kills = kills_in(records_of(file));
  ASSERT_EQ(kills.size(), 1U);
  ASSERT_TRUE(kills[0].memory);
  EXPECT_EQ(kills[0].memory->gauges[core::Gauge::slab_reclaimable], 16U * 1024);
  EXPECT_EQ(kills[0].memory->gauges[core::Gauge::slab_unreclaimable], 368U * 1024);
}

}  // namespace
}  // namespace cgmm::kernel
