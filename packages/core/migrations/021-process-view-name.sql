-- Which view folded a process, by name and terms, so that replay folds it by the same. Null: written by an earlier release.
alter table entente.process add column folded_by json;
