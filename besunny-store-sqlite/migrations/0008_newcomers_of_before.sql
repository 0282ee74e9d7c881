-- People who came after the mail that names them, and before a newcomer's mail was asked for again
-- (0005): their mail is asked for now. A detection without its person is exactly such a mail, since
-- reading it again records the person.
UPDATE items SET asked = 1 WHERE (tenant, account, id) IN (
    SELECT d.tenant, d.account, d.item
    FROM detections d
    JOIN users u ON u.tenant = d.tenant AND u.username = d.username
    JOIN accounts a ON a.tenant = d.tenant AND a.id = d.account
    WHERE d.user IS NULL AND a.intake = 'master'
);
