"""Every error the platform raises, and when each is worth catching.

MarketOpinionError
├── InvalidRequest           the caller asked for something impossible: show the message, do not retry
│   ├── UnknownDomain        no such folder below domains/
│   └── DomainInvalid        a domain folder breaks its own rules: names file, line and rule
├── SettingsInvalid          an environment value or the home folder cannot be used
├── SourceUnavailable        the source did not answer this time: transient, retry
├── SourceUnreadable         the source answered something that can never be read: do not retry
├── CommunityClosed          one community cannot be read (private, banned, misspelt): the others go on
│   └── NotThere             because there is no such thing, rather than for our key
├── CredentialsRefused       the source does not accept our key: do not retry, correct it
├── ModelRefused             the model's server does not serve us (key, model, quota): do not retry, correct it
├── ModelUnusable            most of its answers are of no use: stopped before it costs more
├── JournalFailed            answers cannot be kept on disk: stopped, since they would be paid for again
├── LandingCorrupt           a landed file is not what its manifest says: land the window again
├── ContractBroken           a table would break its contract: a bug in a stage, nothing was written
├── CommitConflict           another writer kept winning the race for a table: transient, retry
├── RunsFailed               some runs of a campaign failed, the others are done: run the campaign again
├── CloudRefused             AWS did not answer, or refuses a request: check credentials, region and name
├── MartUnavailable          the warehouse did not answer this time: transient, retry
├── MartRefused              the warehouse does not let us, or lacks something: do not retry, correct it
├── WatermarkUnreadable      the stored watermark is no hour: refuse to run rather than skip data
└── ReconciliationFailed     the mart does not equal the lake: the load was rolled back
"""


class MarketOpinionError(Exception):
    """Anything this platform says no to."""


class InvalidRequest(MarketOpinionError):
    """The request cannot be met as asked; the message says what to ask instead."""


class UnknownDomain(InvalidRequest):
    """No domain of this name exists."""


class DomainInvalid(InvalidRequest):
    """A domain folder contradicts itself or lacks something."""


class SettingsInvalid(MarketOpinionError):
    """The environment or the home folder cannot be used as configured."""


class SourceUnavailable(MarketOpinionError):
    """A source did not answer; trying again may help."""


class SourceUnreadable(MarketOpinionError):
    """A source holds nothing that can be read as what it should be."""


class CommunityClosed(MarketOpinionError):
    """A community is private, banned, gone or does not exist."""


class NotThere(CommunityClosed):
    """There is no such community or item, or there is none any more."""


class CredentialsRefused(MarketOpinionError):
    """A source refuses the credentials it was given."""


class ModelRefused(MarketOpinionError):
    """A model's server refuses the key, the model or the request for good."""


class ModelUnusable(MarketOpinionError):
    """Most answers of a model were of no use."""


class JournalFailed(MarketOpinionError):
    """Answers of a model cannot be kept."""


class LandingCorrupt(MarketOpinionError):
    """A landed file differs from what its manifest promises."""


class ContractBroken(MarketOpinionError):
    """Rows about to be written break the contract of their table."""


class CommitConflict(MarketOpinionError):
    """A table commit lost its race too many times."""


class CloudRefused(MarketOpinionError):
    """AWS did not answer, or refuses what was asked; the message carries the reason it gave."""


class MartUnavailable(MarketOpinionError):
    """The warehouse did not answer; trying again may help."""


class MartRefused(MarketOpinionError):
    """The warehouse refuses who we are, what we ask, or has not what it needs; the message names what to correct."""


class WatermarkUnreadable(MarketOpinionError):
    """A stored watermark is not the end of an hour."""


class ReconciliationFailed(MarketOpinionError):
    """Facts and silver disagree, so the load was rolled back."""


class RunsFailed(MarketOpinionError):
    """Runs that were handed to workers did not succeed; what the others did stays."""
