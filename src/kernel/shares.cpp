// SPDX-License-Identifier: Apache-2.0
#include "kernel/shares.hpp"

#include <algorithm>
#include <utility>

namespace cgmm::kernel {
namespace {

/// Directories with a share of their own; those beyond that have their parent's.
constexpr std::size_t kMaxDirectories = 20'000;

/// How much each may have of `places`, if those that want less get what they want.
std::size_t level_of(std::vector<std::size_t> wanted, std::size_t places) {
  std::ranges::sort(wanted);
  std::size_t left = wanted.size();
  for (const std::size_t want : wanted) {
    if (want * left > places) return (places + left - 1) / left;
    places -= want;
    --left;
  }
  return SIZE_MAX;
}

}  // namespace

bool Shares::has_place() {
  bool has = true;
  Directory* above = nullptr;
  for (Step& step : way_) {
    if (step.directory == nullptr) {
      const auto found = found_.find(step.inode);
      if (found != found_.end()) {
        step.directory = &found->second;
      } else if (found_.size() < kMaxDirectories) {
        step.directory = &found_[step.inode];
        step.directory->path = *step.path;
        if (above == nullptr) top_ = step.directory;
        if (above != nullptr) above->children.push_back(step.directory);
      } else {
        step.directory = above;  // counted there
      }
    }
    Directory& directory = *step.directory;
    if (&directory == above) continue;
    above = &directory;
    ++directory.wanted;
    const auto share = shares_.find(step.inode);
    has = has && (share == shares_.end() || directory.taken < share->second.below);
  }
  if (above == nullptr) return true;
  ++above->wanted_in;
  const auto share = shares_.find(way_.back().inode);
  return has && (share == shares_.end() || above->taken_in < share->second.in);
}

void Shares::take() {
  const Directory* above = nullptr;
  for (const Step& step : way_) {
    if (step.directory != above) ++step.directory->taken;
    above = step.directory;
  }
  if (!way_.empty()) ++way_.back().directory->taken_in;
}

void Shares::end_walk(std::size_t places) {
  shares_.clear();
  crowd_.clear();
  crowd_left_out_ = 0;
  if (top_ != nullptr && top_->left_out() > 0) {
    find_crowd();
    std::unordered_map<const Directory*, Share> shares;
    shares[top_].below = places;
    share(*top_, places, shares);
    for (const auto& [inode, directory] : found_) {
      if (const auto one = shares.find(&directory); one != shares.end()) shares_[inode] = one->second;
    }
  }
  top_ = nullptr;
  found_.clear();
}

/// Only where it wants more than it may have.
void Shares::share(const Directory& directory, std::size_t places,
                   std::unordered_map<const Directory*, Share>& shares) const {
  if (directory.wanted <= places) return;
  std::vector<std::size_t> wanted;
  for (const Directory* const child : directory.children) wanted.push_back(child->wanted);
  if (directory.wanted_in > 0) wanted.push_back(directory.wanted_in);
  const std::size_t level = level_of(std::move(wanted), places);
  shares[&directory].in = level;
  for (const Directory* const child : directory.children) {
    shares[child].below = level;
    share(*child, level, shares);
  }
}

/// From the top downwards, into the child that has left out the most, as long as that is at least half.
void Shares::find_crowd() {
  const Directory* crowd = top_;
  for (;;) {
    const auto most =
        std::ranges::max_element(crowd->children, {}, [](const Directory* one) { return one->left_out(); });
    if (most == crowd->children.end() || (*most)->left_out() * 2 < crowd->left_out()) break;
    crowd = *most;
  }
  crowd_ = crowd->path.size() == 0 ? "/" : crowd->path.string();
  crowd_left_out_ = static_cast<std::int64_t>(crowd->left_out());
}

}  // namespace cgmm::kernel
