-- What can be folded again is for the families of the tracker to say.
alter table dirty drop constraint dirty_kind_check;
alter table checkpoint drop constraint checkpoint_kind_check;
