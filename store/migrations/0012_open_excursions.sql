-- How far an open excursion has come moves with every reading and is no fact: it is told when it ends.
alter table excursion alter column extreme_c drop not null, alter column samples drop not null;
