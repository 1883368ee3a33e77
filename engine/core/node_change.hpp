// engine/core/node_change.hpp
//
// NodeChange: what makes new values of live parameters take effect in a running node. Made by Node::plan_change() on the
// control thread, which may design filters and allocate there; applied by Node::apply() on the domain's thread, which may
// not; destroyed on the control thread, with what it replaced.
#pragma once

#include <memory>
#include <utility>

namespace streamlab {

class NodeChange {
 public:
  virtual ~NodeChange() = default;
  NodeChange(const NodeChange&) = delete;
  NodeChange& operator=(const NodeChange&) = delete;

 protected:
  NodeChange() = default;
};

// The usual change: a value, or a struct of them.
template <class T>
class ValueChange final : public NodeChange {
 public:
  explicit ValueChange(T its_value) : value(std::move(its_value)) {}
  T value;
};

template <class T>
std::unique_ptr<NodeChange> make_change(T value) {
  return std::make_unique<ValueChange<T>>(std::move(value));
}
// Of a change that the same node made by make_change<T>().
template <class T>
T& value_of(NodeChange& change) noexcept {
  return static_cast<ValueChange<T>&>(change).value;
}

}  // namespace streamlab
