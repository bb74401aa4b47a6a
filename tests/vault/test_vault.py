"""Secrets come back whole for their owner, and for nobody else."""

from pathlib import Path

import pytest

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.vault import VaultKind, open_vault


def test_a_sealed_secret_opens_again_after_a_restart(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path, "s", "file").seal("int_1", {"api_key": "sesame"})
    assert b"sesame" not in sealed
    assert open_vault(tmp_path, "s", "file").open("int_1", sealed) == {"api_key": "sesame"}


def test_a_secret_of_one_owner_does_not_open_for_another(tmp_path: Path) -> None:
    vault = open_vault(tmp_path, "s", "file")
    with pytest.raises(PerkstarError) as caught:
        vault.open("int_2", vault.seal("int_1", {"api_key": "sesame"}))
    assert caught.value.kind is ErrorKind.USAGE


def test_the_key_file_is_for_its_owner_only_and_a_readable_one_is_refused(tmp_path: Path) -> None:
    open_vault(tmp_path, "s", "file")
    file = tmp_path / "vault.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(PerkstarError, match="can be read by others"):
        open_vault(tmp_path, "s", "file")


def test_without_a_keyring_the_file_is_chosen_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    import keyring
    from keyring.backends.fail import Keyring

    monkeypatch.setattr(keyring, "get_keyring", Keyring)
    assert open_vault(tmp_path, "s").kind is VaultKind.FILE


def test_a_passphrase_opens_what_it_sealed_and_another_does_not(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse")
    wrong.write_text("battery staple")
    sealed = open_vault(tmp_path, "s", "passphrase", str(right)).seal("a", {"k": 1})
    assert open_vault(tmp_path, "s", "passphrase", str(right)).open("a", sealed) == {"k": 1}
    with pytest.raises(PerkstarError):
        open_vault(tmp_path, "s", "passphrase", str(wrong)).open("a", sealed)


def test_a_passphrase_vault_without_a_passphrase_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(PerkstarError) as caught:
        open_vault(tmp_path, "s", "passphrase")
    assert "PERKSTAR_VAULT_PASSPHRASE_FILE" in caught.value.remedy
