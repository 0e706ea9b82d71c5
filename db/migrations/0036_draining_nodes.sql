-- A media node that is to stop takes no lesson any more and hands over those it has.

ALTER TABLE media_nodes
    ADD COLUMN draining boolean NOT NULL DEFAULT false;
