"""Every error the platform raises, and when each is worth catching.

MarketOpinionError
├── InvalidRequest        the request is impossible: show the message, do not retry
│   ├── UnknownDomain     no such folder below domains/
│   └── DomainInvalid     a domain folder breaks a rule: the message has file, line and rule
├── SettingsInvalid       a setting or the home folder cannot be used
│   └── BudgetMissing     a run would cost more than a little, and nothing says what it may cost
├── HomeDamaged           a file of the home cannot be read: the message says what heals it
├── HomeTooNew            a later version of the program wrote the home: install that one
├── SourceUnavailable     the source did not answer: transient, retry
├── SourceUnreadable      the source's content can never be read: do not retry
├── CommunityClosed       one community is private, banned or misspelt: the others continue
│   └── NotThere          the community or item does not exist
├── CredentialsRefused    the source rejects the key: correct it, do not retry
├── ModelRefused          the model's server rejects key, model or quota: correct it, do not retry
├── ModelUnusable         most answers are unusable: stopped before it costs more
├── JournalFailed         answers cannot be stored: stopped, since they would be paid for again
├── ErasureIncomplete     something of an erasure is left: the next run that carries data goes on
├── LandingCorrupt        a landed file differs from its manifest: land the window again
├── ContractBroken        a stage made invalid rows: a bug, nothing was written
├── CommitConflict        other writers kept winning the race for a table: transient, retry
├── RunsFailed            some runs of a campaign failed: run the campaign again
├── CloudRefused          AWS did not answer, or refuses a request: check credentials, region, name
├── MartUnavailable       the warehouse did not answer: transient, retry
├── MartRefused           the warehouse refuses access or lacks an object: correct it, do not retry
├── WatermarkUnreadable   the stored watermark is no hour: stopped, rather than skip data
└── ReconciliationFailed  mart and lake would differ: the load was rolled back
"""


class MarketOpinionError(Exception):
    """Base of all errors that the platform raises on purpose."""


class InvalidRequest(MarketOpinionError):
    """The request cannot be met; the message says what to ask instead."""


class UnknownDomain(InvalidRequest):
    """No domain of this name exists."""


class DomainInvalid(InvalidRequest):
    """A domain folder contradicts itself or lacks a part."""


class SettingsInvalid(MarketOpinionError):
    """A setting or the home folder cannot be used as configured."""


class BudgetMissing(SettingsInvalid):
    """A run of a model would cost more than a little without a budget; nothing was asked."""


class HomeDamaged(MarketOpinionError):
    """A file of state, lake or mart is damaged or missing; what was landed is not."""


class HomeTooNew(MarketOpinionError):
    """A later version of the program wrote the home."""


class SourceUnavailable(MarketOpinionError):
    """A source did not answer; trying again may help."""


class SourceUnreadable(MarketOpinionError):
    """A source's content cannot be read in the expected format."""


class CommunityClosed(MarketOpinionError):
    """A community is private, banned, deleted or unknown."""


class NotThere(CommunityClosed):
    """A community or item does not exist, or no longer."""


class CredentialsRefused(MarketOpinionError):
    """A source rejects our credentials."""


class ModelRefused(MarketOpinionError):
    """A model's server rejects the key, the model or the request permanently."""


class ModelUnusable(MarketOpinionError):
    """Most answers of a model were unusable."""


class JournalFailed(MarketOpinionError):
    """Answers of a model cannot be stored."""


class ErasureIncomplete(MarketOpinionError):
    """An erasure has left something in a place that its proof names."""


class LandingCorrupt(MarketOpinionError):
    """A landed file differs from its manifest."""


class ContractBroken(MarketOpinionError):
    """Rows to be written break the contract of their table."""


class CommitConflict(MarketOpinionError):
    """A commit to a table lost its race too many times."""


class CloudRefused(MarketOpinionError):
    """AWS did not answer, or refuses what was asked; the message carries the reason it gave."""


class MartUnavailable(MarketOpinionError):
    """The warehouse did not answer; trying again may help."""


class MartRefused(MarketOpinionError):
    """The warehouse refuses access or lacks an object; the message says what to correct."""


class WatermarkUnreadable(MarketOpinionError):
    """A stored watermark is not the end of an hour."""


class ReconciliationFailed(MarketOpinionError):
    """Facts and silver differ, so the load was rolled back."""


class RunsFailed(MarketOpinionError):
    """Some runs of a campaign failed; the work of the others stays."""
