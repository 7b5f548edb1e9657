// SPDX-License-Identifier: Apache-2.0
#include "store/file/backup.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "store/file/open.hpp"
#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

class Backup : public StoreTest {
 protected:
  std::filesystem::path copy() const { return directory() / "copy.db"; }
};

TEST_F(Backup, IsTheHistoryAsItIsAlsoWhatIsOnlyInTheLog) {
  Service service(file());
  store(service.file.history(), core::ServiceEvent{kNoon, "gap", "in the log"});
  back_up(file(), copy());
  EXPECT_EQ(shown(Reader(copy()).run("SELECT detail FROM service_event WHERE kind = 'gap'")), "in the log\n");
  EXPECT_EQ(inspect(copy(), Thoroughness::whole_of_any_size), Content::history);
  struct stat info{};
  ASSERT_EQ(::stat(copy().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_FALSE(std::filesystem::exists(copy().string() + "-journal"));
  EXPECT_FALSE(std::filesystem::exists(copy().string() + "-wal"));
}

/// Each transaction writes two events: a copy has both or none.
TEST_F(Backup, IsOfOneMomentWhileAServiceWrites) {
  Service service(file());
  std::atomic<bool> ends = false;
  std::jthread writer([&] {
    for (std::int64_t i = 1; !ends; ++i) {
      const core::ServiceEvent event{kNoon + i, "gap", std::string(3000, 'x')};
      store(service.file.history(), event, event);
      if (i % 50 == 0) service.file.history().maintain(kNoon);
    }
  });
  for (int i = 0; i < 5; ++i) {
    back_up(file(), copy());
    EXPECT_EQ(shown(Reader(copy()).run("SELECT count(*) % 2 FROM service_event WHERE kind = 'gap'")), "0\n");
    std::filesystem::remove(copy());
  }
  ends = true;
}

TEST_F(Backup, OverwritesNothing) {
  make_history();
  const auto dangling = directory() / "dangling";
  std::filesystem::create_symlink(directory() / "nothing", dangling);
  write_bytes(copy(), "precious");
  for (const auto& there : {copy(), dangling, directory(), file()})
    EXPECT_EQ(refusal_of([&] { back_up(file(), there); }),
              refused(StoreError::Kind::unusable, there.string() + " exists already: a backup overwrites nothing"));
  EXPECT_EQ(bytes_of(copy()), "precious");
  EXPECT_FALSE(std::filesystem::exists(directory() / "nothing"));
}

TEST_F(Backup, OfADamagedOrMissingOneThereIsNone) {
  EXPECT_EQ(refusal_of([&] { back_up(file(), copy()); }).first, StoreError::Kind::missing);
  EXPECT_FALSE(std::filesystem::exists(copy()));
  make_history();
  const auto page = std::stoll(query("SELECT rootpage FROM sqlite_schema WHERE name = 'scan'"));
  overwrite_bytes(file(), (page - 1) * page_bytes(), std::string(static_cast<std::size_t>(page_bytes()), '\0'));
  const auto [kind, sentence] = refusal_of([&] { back_up(file(), copy()); });
  EXPECT_EQ(kind, StoreError::Kind::corrupt);
  EXPECT_EQ(sentence.find(file().string() + " is damaged ("), 0U) << sentence;
  EXPECT_FALSE(std::filesystem::exists(copy()));
}

}  // namespace
}  // namespace cgmm::store
