"""What is said when: pacing, the platform's own waits, edits that overtake each other, ends. Time is turned by hand."""

from itertools import pairwise

from chat.messages import Content, MessageEdit, MessagePost, MessageRef, Toast
from chat.say_queue import LONGEST_S, PACE_S, TOAST_S, SayItem, SayQueue

NOW = 100.0


def post(number: int, chat: str = "1") -> MessagePost:
    return MessagePost(number, "telegram", chat, Content(f"post {number}"))


def edit(number: int, text: str) -> MessageEdit:
    return MessageEdit(number, "telegram", Content(text))


def due(queue: SayQueue, now_s: float) -> SayItem:
    item, wait_s = queue.next(now_s)
    assert item is not None, f"nothing for {wait_s} s"
    return item


def say(queue: SayQueue, now_s: float) -> str:
    """Say what is due."""
    item = due(queue, now_s)
    said = item.said
    number = said.number if isinstance(said, MessagePost) else 0
    queue.done(item, said, MessageRef("1", f"m{number}") if number else None, now_s)
    return said.text if isinstance(said, Toast) else said.content.head


def test_one_chat_gets_one_message_a_second_and_others_need_not_wait() -> None:
    queue = SayQueue()
    for one in (post(1), post(2), post(3, "2")):
        queue.add(one, NOW)
    assert say(queue, NOW) == "post 1"
    assert say(queue, NOW) == "post 3"
    item, wait_s = queue.next(NOW + 0.25)
    assert item is None and abs(wait_s - (PACE_S - 0.25)) < 1e-9
    assert say(queue, NOW + PACE_S) == "post 2" and queue.waiting == 0


def test_an_edit_waits_for_its_post_and_only_the_newest_is_said() -> None:
    queue = SayQueue()
    queue.add(post(1), NOW)
    first = due(queue, NOW)
    for text in ("sent", "taken up", "done"):
        queue.add(edit(1, text), NOW)
    assert due(queue, NOW) is first
    queue.done(first, first.said, MessageRef("1", "m1"), NOW)
    assert queue.ref_of(edit(1, "x")) == MessageRef("1", "m1")
    assert say(queue, NOW + PACE_S) == "done" and queue.waiting == 0


def test_an_edit_that_was_overtaken_on_its_way_is_followed_by_the_newer_one() -> None:
    queue = SayQueue()
    queue.add(MessageEdit(1, "telegram", Content("sent"), MessageRef("1", "m1")), NOW)
    item = due(queue, NOW)
    on_its_way = item.said
    queue.add(edit(1, "done"), NOW)
    queue.done(item, on_its_way, None, NOW)
    assert say(queue, NOW + PACE_S) == "done" and queue.waiting == 0


def test_a_word_about_a_button_overtakes_all_and_is_not_kept_for_long() -> None:
    queue = SayQueue()
    queue.add(post(1), NOW)
    queue.add(Toast("telegram", "q", "1", "9", "Sent."), NOW)
    assert say(queue, NOW) == "Sent." and say(queue, NOW) == "post 1"
    queue.add(Toast("telegram", "q", "1", "9", "Sent."), NOW)
    assert queue.next(NOW + TOAST_S + 0.1)[0] is None and queue.failed == 1


def test_the_platform_s_own_wait_holds_everything_back() -> None:
    queue = SayQueue()
    queue.add(post(1), NOW)
    queue.add(post(2, "2"), NOW)
    queue.later(due(queue, NOW), NOW, retry_after_s=17.0)
    item, wait_s = queue.next(NOW + 1)
    assert item is None and wait_s == 16.0
    assert say(queue, NOW + 17) == "post 1" and say(queue, NOW + 17) == "post 2"


def test_what_fails_is_tried_again_after_growing_pauses_and_given_up_at_last() -> None:
    queue, tried, now_s = SayQueue(), list[float](), NOW
    queue.add(post(1), NOW)
    queue.add(edit(1, "never"), NOW)
    while queue.waiting:
        item, wait_s = queue.next(now_s)
        if item is None:
            now_s += wait_s
            continue
        tried.append(now_s)
        queue.later(item, now_s, None)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0] and tried[-1] <= NOW + LONGEST_S < now_s
    assert queue.failed >= 1


def test_what_will_never_work_takes_its_edits_with_it() -> None:
    queue = SayQueue()
    queue.add(post(1), NOW)
    item = due(queue, NOW)
    queue.add(edit(1, "x"), NOW)
    queue.give_up(item)
    assert queue.waiting == 0 and queue.next(NOW + 10)[0] is None


def test_it_does_not_grow_without_end() -> None:
    queue = SayQueue()
    for number in range(700):
        queue.add(post(number, str(number)), NOW)
    assert queue.waiting == 500 and queue.failed == 200 and say(queue, NOW) == "post 200"
