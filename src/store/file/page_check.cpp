// SPDX-License-Identifier: Apache-2.0
#include "store/file/page_check.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <bit>
#include <cstddef>
#include <optional>
#include <string_view>

// https://www.sqlite.org/fileformat2.html
namespace cgmm::store {
namespace {

constexpr std::uint32_t kHeaderBytes = 100;
constexpr std::int64_t kLockByte = 0x40000000;  // the page with it is not used
constexpr std::uint32_t kMapEntryBytes = 5;
enum MapEntry : std::uint8_t { root = 1, free_page, overflow_first, overflow_next, node };
enum PageKind : std::uint8_t { inner_index = 2, inner_table = 5, leaf_index = 10, leaf_table = 13 };

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t length) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + length; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

/// The pages of a file as SQLite has it open: a descriptor of our own would release SQLite's locks when it is closed.
class Pages {
 public:
  explicit Pages(SQLite::Database& database) {
    database.check(sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file_));
    const std::optional<std::string> header = read(0, kHeaderBytes);
    if (!header) return;
    bytes_ = number_at(*header, 16, 2) == 1 ? 65536 : number_at(*header, 16, 2);
    if (!std::has_single_bit(bytes_) || bytes_ < 512) return;
    usable_ = bytes_ - number_at(*header, 20, 1);
    count_ = number_at(*header, 28, 4);
    has_map_ = number_at(*header, 52, 4) != 0;
  }
  bool is_known() const { return usable_ > 0; }
  /// As far as the file's header says.
  std::uint32_t count() const { return count_; }
  bool has_map() const { return has_map_; }
  std::uint32_t bytes() const { return bytes_; }
  std::uint32_t usable() const { return usable_; }
  bool is_unused(std::uint32_t page) const { return page == kLockByte / bytes_ + 1; }

  /// The page of the map that tells of `page`. Wants a page after the first.
  std::uint32_t map_of(std::uint32_t page) const {
    const std::uint32_t group = usable_ / kMapEntryBytes + 1;
    const std::uint32_t map = 2 + (page - 2) / group * group;
    return is_unused(map) ? map + 1 : map;
  }
  /// nullopt: it can't be read.
  std::optional<std::string> page(std::uint32_t number) { return read((number - 1LL) * bytes_, bytes_); }

 private:
  std::optional<std::string> read(std::int64_t at, std::uint32_t length) {
    std::string bytes(length, '\0');
    const int result = file_->pMethods->xRead(file_, bytes.data(), static_cast<int>(length), at);
    return result == SQLITE_OK ? std::optional(std::move(bytes)) : std::nullopt;
  }

  sqlite3_file* file_ = nullptr;
  std::uint32_t bytes_ = 0;
  std::uint32_t usable_ = 0;
  std::uint32_t count_ = 0;
  bool has_map_ = false;
};

/// Whether the page of a table or an index is in order. `at`: where it begins.
bool is_in_order(std::string_view page, std::uint32_t at, const Pages& pages) {
  const std::uint32_t kind = number_at(page, at, 1);
  const bool is_inner = kind == inner_index || kind == inner_table;
  if (!is_inner && kind != leaf_index && kind != leaf_table) return false;
  const std::uint32_t cells = number_at(page, at + 3, 2), first_free = number_at(page, at + 1, 2);
  const std::uint32_t end = at + (is_inner ? 12 : 8) + 2 * cells;  // of what comes before the content
  const auto leads_to_a_page = [&](std::uint32_t from) {
    const std::uint32_t child = number_at(page, from, 4);
    return child >= 2 && child <= pages.count();
  };
  if (end > pages.usable() || (first_free != 0 && (first_free < end || first_free > pages.usable() - 4))) return false;
  if (is_inner && !leads_to_a_page(at + 8)) return false;
  for (std::uint32_t i = 0; i < cells; ++i) {
    const std::uint32_t cell = number_at(page, end - 2 * (cells - i), 2);
    if (cell < end || cell > pages.usable() - 4) return false;
    if (is_inner && !leads_to_a_page(cell)) return false;
  }
  return true;
}

/// `entry`: what the map says of it.
bool is_what_it_should_be(std::string_view page, std::string_view entry, const Pages& pages) {
  const std::uint32_t parent = number_at(entry, 1, 4);
  switch (number_at(entry, 0, 1)) {
    case root:
      return parent == 0 && is_in_order(page, 0, pages);
    case node:
      return parent >= 1 && parent <= pages.count() && is_in_order(page, 0, pages);
    case free_page:
      return true;
    case overflow_first:
    case overflow_next:
      // The one that follows, and a part of a long text.
      return number_at(page, 0, 4) <= pages.count() && page.find_first_not_of('\0') != page.npos;
    default:
      return false;
  }
}

}  // namespace

std::string PageCheck::look(SQLite::Database& database, std::int64_t max_bytes) {
  Pages pages(database);
  const std::uint32_t first = next_;
  next_ = 1;
  if (!pages.is_known()) return "its header is overwritten";
  if (!pages.has_map()) return "";  // not made by this program
  std::uint32_t map_number = 0;
  std::optional<std::string> map;
  for (std::uint32_t number = first; number <= pages.count(); ++number) {
    if (std::int64_t{number - first} * pages.bytes() >= max_bytes) {
      next_ = number;
      break;
    }
    if (pages.is_unused(number)) continue;
    const std::string wrong = "page " + std::to_string(number) + " is not what it should be";
    const std::optional<std::string> page = pages.page(number);
    if (!page) return wrong;
    if (number == 1) {
      if (!is_in_order(*page, kHeaderBytes, pages)) return wrong;
      continue;
    }
    if (pages.map_of(number) != map_number) {
      map_number = pages.map_of(number);
      map = map_number == number ? page : pages.page(map_number);
    }
    if (number == map_number) continue;
    if (!map) return wrong;
    const std::string_view entry =
        std::string_view(*map).substr((number - map_number - 1) * kMapEntryBytes, kMapEntryBytes);
    if (!is_what_it_should_be(*page, entry, pages)) return wrong;
  }
  return "";
}

}  // namespace cgmm::store
