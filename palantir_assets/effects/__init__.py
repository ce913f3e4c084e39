"""What follows an action leaves the house: `sending` takes effects from the outbox and gives them to who sends their kind,
`mailing` and `calling`; `opting_out` is the link at the end of a mail; `opening` puts it together. Assets and jobs are made
by `assets.automation`."""
