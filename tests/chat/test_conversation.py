"""Who may what, once for each update; what is asked back, by whom it may be answered, and until when."""

from pathlib import Path

import pytest

from chat.commands import CHAT_COMMANDS
from chat.confirmations import LIVES_MS, ConfirmState
from chat.messages import Asked, ChatPerson, Content, MessagePost, Toast
from chat.store import ChatStoreError
from shared.chat_settings import ChatRole
from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from tests.chat.talk import OPERATOR, OTHER, STRANGER, VIEWER, Talk, shown, texts

HOUR_MS = 3_600_000
CHANGING = {"pause": Cmd.PAUSE, "resume": Cmd.START, "stop": Cmd.STOP, "kill": Cmd.KILL, "flatten": Cmd.FLATTEN}
LOOKING = ("status", "exposure", "position", "orders", "pnl", "why", "alerts", "help")


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk(tmp_path)


# ---- who may ----


def test_the_table_is_the_specification() -> None:
    assert set(CHAT_COMMANDS) == {*CHANGING, *LOOKING, "ack"}
    assert {word: one.cmd for word, one in CHAT_COMMANDS.items() if one.cmd} == CHANGING
    assert {word for word, one in CHAT_COMMANDS.items() if one.role is ChatRole.VIEWER} == set(LOOKING)


@pytest.mark.parametrize("word", CHAT_COMMANDS)
def test_a_stranger_gets_one_refusal_with_nothing_but_their_own_id_and_then_silence(talk: Talk, word: str) -> None:
    assert [one.content for one in talk.asks(STRANGER, word) if isinstance(one, MessagePost)] == [
        Content("You may not use this bot. Your id is telegram:333.")
    ]
    assert talk.asks(STRANGER, word) == [] == talk.asks(STRANGER, "status")
    assert [(one.person, one.what) for one in talk.access.refusals] == [("telegram:333", word)]
    assert talk.link.refused == [(word, "@eve (telegram:333)")] and talk.commands == []


@pytest.mark.parametrize("word", CHAT_COMMANDS)
def test_a_viewer_looks_and_commands_nothing(talk: Talk, word: str) -> None:
    (post,) = talk.asks(VIEWER, word)
    assert isinstance(post, MessagePost) and not post.content.buttons
    refused = word not in LOOKING
    assert ("needs the role operator" in post.content.head) == refused
    assert len(talk.access.refusals) == refused and talk.commands == []


@pytest.mark.parametrize("word", CHANGING)
def test_an_operator_is_asked_back_and_nothing_is_sent_before_the_answer(talk: Talk, word: str) -> None:
    token, post = talk.question(OPERATOR, word)
    assert [(one.yes, one.token) for one in post.content.buttons] == [(True, token), (False, token)]
    assert talk.commands == []
    assert texts(talk.presses(OPERATOR, token))[0] == "[Sent.]"
    assert talk.commands == [CHANGING[word]] and talk.link.sent[0][3] == "@ann (telegram:111)"


def test_the_same_id_on_another_platform_is_another_person(talk: Talk) -> None:
    assert texts(talk.asks(ChatPerson("slack", "111", "ann"), "status")) == [
        "You may not use this bot. Your id is slack:111."
    ]


def test_of_one_person_one_refusal_and_one_alert_an_hour_and_thirty_in_all(talk: Talk) -> None:
    talk.asks(STRANGER, "status")
    talk.now_ms += HOUR_MS - 1
    assert talk.asks(STRANGER, "kill") == []
    talk.now_ms += 1
    assert len(talk.asks(STRANGER, "kill")) == 1
    for number in range(40):
        talk.asks(ChatPerson("telegram", str(1000 + number), "x"), "status")
    assert len(talk.access.refusals) == 30
    talk.restart()
    assert talk.asks(STRANGER, "status") == [] and len(talk.access.refusals) == 30


def test_a_stranger_s_button_does_nothing_and_is_told(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "kill")
    assert texts(talk.presses(STRANGER, token)) == ["[You may not use this bot.]"]
    assert talk.commands == [] and len(talk.access.refusals) == 1


def test_where_others_read_along_nothing_is_told(talk: Talk) -> None:
    (post,) = talk.asks(OPERATOR, "status", open_chat=True)
    assert isinstance(post, MessagePost) and post.content.head == "Not here"
    (post,) = talk.asks(OPERATOR, "kill", open_chat=True)
    assert isinstance(post, MessagePost) and not post.content.buttons


# ---- once ----


def test_an_update_that_comes_again_does_nothing_also_after_a_restart(talk: Talk) -> None:
    asked = Asked("77", OPERATOR, "111", "kill")
    assert len(talk.hears(asked)) == 1
    assert talk.hears(asked) == []
    talk.restart()
    assert [one for one in talk.hears(asked) if isinstance(one, MessagePost)] == []


def test_a_button_that_comes_again_does_nothing(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "pause")
    talk.presses(OPERATOR, token, update="p1")
    assert talk.presses(OPERATOR, token, update="p1") == []
    assert texts(talk.presses(OPERATOR, token, update="p2")) == ["[It was answered already: sent.]"]
    talk.restart()
    assert talk.presses(OPERATOR, token, update="p1") == []
    assert texts(talk.presses(OPERATOR, token, update="p3"))[0] == "[It was answered already: sent.]"
    assert talk.commands == [Cmd.PAUSE]


def test_an_old_update_is_answered_too_old_and_not_acted_on(talk: Talk) -> None:
    assert texts(talk.asks(OPERATOR, "kill", age_s=61.0)) == ["Too old: nothing was done"]
    assert texts(talk.asks(OPERATOR, "kill", age_s=59.0)) == ["/kill?"]
    assert talk.commands == []


# ---- the confirmation ----


def test_only_who_asked_can_answer(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "flatten")
    assert texts(talk.presses(OTHER, token)) == ["[Only @ann can answer this.]"]
    assert texts(talk.presses(VIEWER, token)) == ["[Only @ann can answer this.]"]
    assert talk.commands == [] and [one.person for one in talk.access.refusals] == [OTHER.key, VIEWER.key]
    talk.presses(OPERATOR, token)
    assert talk.commands == [Cmd.FLATTEN]


def test_a_question_lapses_after_sixty_seconds_and_its_buttons_go(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "kill")
    assert talk.step(LIVES_MS - 1) == []
    content = shown(talk.step(1))
    assert content.head == "/kill: not done, it was not confirmed in time" and not content.buttons
    assert texts(talk.presses(OPERATOR, token))[0] == "[It was answered already: lapsed.]"
    assert talk.commands == []


def test_a_late_press_does_nothing_even_before_the_clock_was_looked_at(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "kill")
    talk.now_ms += LIVES_MS
    assert texts(talk.presses(OPERATOR, token)) == [
        "[Too late: nothing was done.]", "/kill: not done, it was not confirmed in time",
    ]  # fmt: skip
    assert talk.commands == []


def test_a_clock_that_was_set_back_lapses_it_as_well(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "kill")
    talk.now_ms -= 1
    assert texts(talk.presses(OPERATOR, token))[0] == "[Too late: nothing was done.]"


def test_no_is_no(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "kill")
    said = talk.presses(OPERATOR, token, yes=False)
    assert texts(said) == ["[Not done.]", "/kill: not done, you said no"]
    assert texts(talk.presses(OPERATOR, token)) == ["[It was answered already: declined.]"] and talk.commands == []


def test_a_button_of_nothing_does_nothing(talk: Talk) -> None:
    assert texts(talk.presses(OPERATOR, "no-such-token")) == ["[This question is not known any more.]"]
    assert talk.commands == []


@pytest.mark.parametrize("left", [{OPERATOR.key: ChatRole.VIEWER}, {}])
def test_who_lost_the_role_meanwhile_cannot_confirm(talk: Talk, left: dict[str, ChatRole]) -> None:
    token, _ = talk.question(OPERATOR, "kill")
    talk.users = left
    talk.restart()
    said = talk.presses(OPERATOR, token)
    assert texts(said)[0] == ("[You may not do this any more.]" if left else "[You may not use this bot.]")
    assert talk.commands == []


def test_what_the_bot_cannot_do_now_is_said_before_the_question_and_again_before_it_is_sent(talk: Talk) -> None:
    talk.link.not_now = "flatten is not possible while starting"
    assert texts(talk.asks(OPERATOR, "flatten")) == ["/flatten: not possible"]
    talk.link.not_now = ""
    token, _ = talk.question(OPERATOR, "flatten")
    talk.link.not_now = "flatten is not possible while safe"
    said = talk.presses(OPERATOR, token)
    assert texts(said) == ["[Not sent.]", "/flatten: NOT SENT"] and "while safe" in shown(said).body
    assert talk.commands == []


def test_a_word_that_is_no_bot_stops_a_command(talk: Talk) -> None:
    (talk.folder / "bots" / "scalper").mkdir(parents=True)
    assert texts(talk.asks(OPERATOR, "pause scalpr")) == ["Not done: 'scalpr' is no bot's name"]
    token, post = talk.question(OPERATOR, "pause Scalper")
    assert post.content.head == "/pause scalper?"
    talk.presses(OPERATOR, token)
    assert talk.link.sent[0][:2] == ("scalper", Cmd.PAUSE)


# ---- the receipt ----


def test_the_receipt_comes_into_the_question_s_message(talk: Talk) -> None:
    token, post = talk.question(OPERATOR, "flatten")
    said = talk.presses(OPERATOR, token)
    assert texts(said) == ["[Sent.]", "/flatten: sent"]
    talk.link.answer(ReceiptState.SEEN)
    assert texts(talk.step(100)) == ["/flatten: taken up"]
    assert talk.step(100) == []
    talk.link.answer(ReceiptState.DONE, sold="3")
    (edit,) = talk.step(100)
    assert not isinstance(edit, MessagePost | Toast) and edit.number == post.number
    assert edit.content.head == "/flatten: done"
    assert edit.content.lines == (
        "Asked by @ann (telegram:111).",
        "confirmed after 0.0 s → sent → taken up after 40 ms → done after 90 ms.", "sold 3", "Flat.",
    )  # fmt: skip


@pytest.mark.parametrize("state", [ReceiptState.FAILED, ReceiptState.EXPIRED, ReceiptState.REJECTED])
def test_a_refusal_of_the_bot_is_told_with_its_reason(talk: Talk, state: ReceiptState) -> None:
    token, _ = talk.question(OPERATOR, "resume")
    talk.presses(OPERATOR, token)
    talk.link.answer(state, "killed: reset the latch first")
    content = shown(talk.step(100))
    assert content.head == "/resume: REFUSED" and f"{state}: killed: reset the latch first" in content.body


def test_a_bot_that_does_not_take_it_up_is_told_loudly_and_at_last_given_up(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "pause")
    talk.presses(OPERATOR, token)
    assert talk.step(1_900) == []
    content = shown(talk.step(100))
    assert content.head == "/pause: NOT DELIVERED yet" and "/kill works without it" in content.body
    assert shown(talk.step(600_000)).head == "/pause: NO RECEIPT"
    talk.link.answer(ReceiptState.DONE)
    assert talk.step(100) == []


def test_a_dead_bot_s_kill_says_what_is_known_and_what_is_not(talk: Talk) -> None:
    talk.link.alive = False
    token, _ = talk.question(OPERATOR, "kill")
    talk.presses(OPERATOR, token)
    content = shown(talk.step(2_000))
    assert "orders may still rest at the exchange: ./coin kill" in content.body


def test_what_could_not_be_written_is_not_sent(talk: Talk) -> None:
    talk.link.trouble = "control.json could not be written (No space left on device)"
    token, _ = talk.question(OPERATOR, "pause")
    content = shown(talk.presses(OPERATOR, token))
    assert content.head == "/pause: NOT SENT" and "No space left on device" in content.body


# ---- what a crash leaves ----


def _taken(talk: Talk, word: str) -> str:
    """Confirmed, kept, and the process ended there; the command's id."""
    token, _ = talk.question(OPERATOR, word)
    one = talk.store.find(token)
    assert one is not None
    taken = one.moved(ConfirmState.TAKEN, taken_ms=talk.now_ms, command_id="the-command")
    talk.store.keep(taken)
    return token


@pytest.mark.parametrize("word", CHANGING)
def test_what_was_taken_and_not_sent_is_never_sent_by_a_restart_and_told_as_unknown(talk: Talk, word: str) -> None:
    token = _taken(talk, word)
    talk.now_ms += 5_000
    content = shown(talk.restart())
    assert content.head == f"/{word}: NOT KNOWN whether it was sent" and "It is not sent again" in content.body
    talk.presses(OPERATOR, token)
    assert talk.commands == []


def test_what_was_sent_and_not_noted_is_found_by_its_id_and_followed(talk: Talk) -> None:
    _taken(talk, "pause")
    talk.link.in_ring = {"the-command"}
    assert shown(talk.restart()).head == "/pause: sent"
    talk.link.sent.append(("main", Cmd.PAUSE, "the-command", "x"))
    talk.link.answer(ReceiptState.DONE)
    assert shown(talk.step(100)).head == "/pause: done"
    assert shown(talk.restart()).head == "/pause: done" and len(talk.commands) == 1


def test_a_receipt_that_came_while_nobody_looked_is_told_after_the_restart(talk: Talk) -> None:
    token, _ = talk.question(OPERATOR, "stop")
    talk.presses(OPERATOR, token)
    talk.link.answer(ReceiptState.DONE)
    talk.restart()
    assert shown(talk.said).head == "/stop: done"


# ---- where nothing can be written down ----


@pytest.mark.parametrize("word", CHANGING)
def test_on_a_full_disk_what_makes_nothing_riskier_goes_on_and_the_rest_does_not(
    talk: Talk, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ChatStoreError("chat.db: database or disk is full")

    monkeypatch.setattr(talk.store, "_run", fails)
    token, _ = talk.question(OPERATOR, word)
    said = talk.presses(OPERATOR, token, update="p")
    if word in ("kill", "stop", "pause"):
        assert talk.commands == [CHANGING[word]]
    else:
        assert talk.commands == [] and "cannot be written down" in shown(said).body
    assert talk.presses(OPERATOR, token, update="p") == [] and len(talk.commands) <= 1
    assert talk.conversation.store_error == "chat.db: database or disk is full"


def test_a_damaged_store_is_put_aside_and_the_next_word_is_kept_again(talk: Talk) -> None:
    talk.store.close()
    (talk.folder / "chat.db").write_bytes(b"this is no database at all, whatever its name says" * 40)
    talk.asks(OPERATOR, "help")
    assert talk.conversation.store_error is not None
    token, _ = talk.question(OPERATOR, "flatten")
    talk.presses(OPERATOR, token)
    assert talk.commands == [Cmd.FLATTEN] and talk.conversation.store_error is None
    assert list(talk.folder.glob("chat.db.damaged-*"))


def test_an_answer_that_fails_is_said_to_have_failed_and_the_next_command_is_heard(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("nobody foresaw it")

    monkeypatch.setattr(talk.link, "seen", fails)
    assert texts(talk.asks(VIEWER, "status")) == ["/status failed: KeyError"]
    assert texts(talk.asks(VIEWER, "help")) == ["You are viewer"]
