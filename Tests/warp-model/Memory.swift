// SPDX-License-Identifier: Apache-2.0
// The three memory models.
//
// - `sc`: every access takes effect at once and in program order.
// - `views`: RC11 without load buffering. Each word has the history of its stores, in the order in which they were
//   made (one owner at a time; that the owner has seen them all is checked when the owner word is taken). A task
//   has a view: for each word the oldest store that it may still load. A release store, or a relaxed one after a
//   release fence, carries a view; an acquire load, or an acquire fence after a relaxed one, takes it over. A
//   compare-and-exchange loads the newest store and passes the view on that this one carried (release sequence).
// - `pso`: the stores of one owner take effect in any order that release stores, release fences and the words
//   themselves allow; a kill drops the rest. This is a compiler that reorders relaxed stores, and then a SIGKILL.
//   Loads are as in `sc`.

enum MemoryModel: String, CaseIterable {
  case sc, views, pso
}

/// A store in the history of a word.
struct Store {
  var previous: UInt32 = 0
  /// What whoever acquires it has seen.
  var view: UInt32 = 0
  /// Its place in the word's history, from 1.
  var index: UInt8 = 0
  var value: UInt8 = 0
  var unused: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0, 0)
}

final class Memory {
  let model: MemoryModel
  private let stores = Interner(size: MemoryLayout<Store>.stride)
  private let views = Interner(size: (Place.count + 7) & ~7)
  private let scratch: UnsafeMutableRawPointer
  /// The last joins: views joined, and the outcome.
  private var joins: [(a: UInt32, b: UInt32, joined: UInt32)]

  init(_ model: MemoryModel) {
    self.model = model
    scratch = .allocate(byteCount: views.size, alignment: 8)
    joins = .init(repeating: (0, 0, 0), count: 1 << 14)
  }

  deinit { scratch.deallocate() }

  private func store(_ number: UInt32) -> Store { stores.record(number).load(as: Store.self) }

  private func index(_ view: UInt32, _ place: Int) -> UInt8 {
    views.record(view).load(fromByteOffset: place, as: UInt8.self)
  }

  // MARK: Values

  func initialize(_ state: State, _ place: Int, _ value: UInt8) {
    guard model == .views else {
      state.words[place] = UInt32(value)
      return
    }
    var first = Store()
    first.index = 1
    first.value = value
    state.words[place] = stores.number(&first)
  }

  /// The newest value of a word.
  func newest(_ state: State, _ place: Int) -> UInt8 {
    model == .views ? store(state.words[place]).value : UInt8(truncatingIfNeeded: state.words[place])
  }

  /// A place of which the task may load something else than its newest value.
  func firstStale(_ state: State, _ task: Int) -> Int? {
    guard model == .views else { return nil }
    return (0..<Place.count).first {
      $0 != Place.owner && index(state.tasks[task].current, $0) < store(state.words[$0]).index
        && store(state.words[$0]).index > 1
    }
  }

  // MARK: Accesses

  func store(_ state: State, _ task: Int, _ place: Int, _ value: UInt8, releases: Bool) {
    guard model == .views else {
      state.words[place] = UInt32(value)
      return
    }
    var new = Store()
    new.previous = state.words[place]
    new.index = store(new.previous).index + 1
    new.value = value
    precondition(new.index < 250)
    state.tasks[task].current = raise(state.tasks[task].current, place, new.index)
    new.view = releases ? state.tasks[task].current : raise(state.tasks[task].released, place, new.index)
    state.words[place] = stores.number(&new)
  }

  /// A compare-and-exchange that succeeds.
  func exchange(_ state: State, _ task: Int, _ place: Int, _ value: UInt8, acquires: Bool) {
    guard model == .views else {
      state.words[place] = UInt32(value)
      return
    }
    let old = store(state.words[place])
    if acquires { state.tasks[task].current = join(state.tasks[task].current, old.view) }
    state.tasks[task].acquired = join(state.tasks[task].acquired, old.view)
    var new = Store()
    new.previous = state.words[place]
    new.index = old.index + 1
    new.value = value
    state.tasks[task].current = raise(state.tasks[task].current, place, new.index)
    new.view = raise(join(state.tasks[task].released, old.view), place, new.index)
    state.words[place] = stores.number(&new)
  }

  func releaseFence(_ state: State, _ task: Int) { state.tasks[task].released = state.tasks[task].current }

  /// Everything that a load may yield: `body` is told the value and, once it has made a copy of the state, calls
  /// `take` to have the task see what it loaded.
  func load(
    _ state: State, _ task: Int, _ place: Int, acquires: Bool, fenceBefore: Bool = false, fenceAfter: Bool = false,
    _ body: (_ value: UInt8, _ take: (State) -> Void) -> Void
  ) {
    guard model == .views else { return body(UInt8(truncatingIfNeeded: state.words[place])) { _ in } }
    let acquired = state.tasks[task].acquired
    let current = fenceBefore ? join(state.tasks[task].current, acquired) : state.tasks[task].current
    let oldest = index(current, place)
    var number = state.words[place]
    while true {
      let loaded = store(number)
      if loaded.index < oldest { break }
      body(loaded.value) { copy in
        var seen = raise(current, place, loaded.index)
        if acquires { seen = join(seen, loaded.view) }
        let pending = join(join(acquired, loaded.view), seen)
        copy.tasks[task].acquired = pending
        copy.tasks[task].current = fenceAfter ? join(seen, pending) : seen
      }
      if loaded.index <= 1 { break }
      number = loaded.previous
    }
  }

  // MARK: Views

  func join(_ a: UInt32, _ b: UInt32) -> UInt32 {
    if a == b || b == 0 { return a }
    if a == 0 { return b }
    let slot = Int(truncatingIfNeeded: ((UInt64(a) << 32 | UInt64(b)) &* 0x9E37_79B9_7F4A_7C15) >> 50)
    if joins[slot].a == a, joins[slot].b == b { return joins[slot].joined }
    let (x, y) = (views.record(a), views.record(b))
    for place in 0..<views.size {
      let (p, q) = (x.load(fromByteOffset: place, as: UInt8.self), y.load(fromByteOffset: place, as: UInt8.self))
      scratch.storeBytes(of: max(p, q), toByteOffset: place, as: UInt8.self)
    }
    let joined = views.number(scratch)
    joins[slot] = (a, b, joined)
    return joined
  }

  private func raise(_ view: UInt32, _ place: Int, _ index: UInt8) -> UInt32 {
    if self.index(view, place) >= index { return view }
    scratch.copyMemory(from: views.record(view), byteCount: views.size)
    scratch.storeBytes(of: index, toByteOffset: place, as: UInt8.self)
    return views.number(scratch)
  }
}
