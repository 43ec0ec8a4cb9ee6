//! Plants many mutants into one text: each behind a question whether it is the one that lives now.
//!
//! Text is put in and nothing is taken away: with no mutant alive, the text means what it meant.

use proc_macro2::LineColumn;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::list::{Genre, Mutant};

/// Text that goes in at one place.
struct Insert {
    at: usize,
    /// The other end of what it encloses: the wider one stands outside.
    other: usize,
    opens: bool,
    text: String,
}

/// Where a mutant stands in the planted text.
pub struct Planted {
    pub id: usize,
    pub from: usize,
    pub to: usize,
}

struct Planter<'a> {
    source: &'a str,
    lines: Vec<usize>,
    mutants: Vec<&'a Mutant>,
    inserts: Vec<(Vec<usize>, Insert)>,
}

/// The text with all of `mutants` in it, and where each is. One that fits nowhere is left out.
pub fn plant(source: &str, mutants: Vec<&Mutant>) -> (String, Vec<Planted>) {
    let file = syn::parse_file(source).expect("the sources parse");
    let lines = std::iter::once(0)
        .chain(source.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let mut planter = Planter {
        source,
        lines,
        mutants,
        inserts: Vec::new(),
    };
    planter.visit_file(&file);
    planter.write()
}

impl Planter<'_> {
    fn at(&self, place: LineColumn) -> usize {
        let line = self.lines[place.line - 1];
        let chars = self.source[line..].char_indices();
        line + chars.map(|(at, _)| at).nth(place.column).unwrap_or(0)
    }

    fn range(&self, of: &impl Spanned) -> (usize, usize) {
        let span = of.span();
        (self.at(span.start()), self.at(span.end()))
    }

    fn text(&self, of: &impl Spanned) -> &str {
        let (from, to) = self.range(of);
        &self.source[from..to]
    }

    /// The mutants of this kind that stand exactly here.
    fn here(&self, genre: Genre, of: &impl Spanned) -> Vec<(usize, String)> {
        let span = of.span();
        let (start, end) = (span.start(), span.end());
        let found = self.mutants.iter().filter(|m| {
            m.genre == genre
                && m.start == (start.line, start.column)
                && (genre == Genre::UnaryOperator || m.end == (end.line, end.column))
        });
        found.map(|m| (m.id, m.replacement.clone())).collect()
    }

    fn wrap(&mut self, ids: Vec<usize>, (from, to): (usize, usize), before: String, after: &str) {
        let insert = |at, other, opens, text| Insert {
            at,
            other,
            opens,
            text,
        };
        self.inserts.push((ids, insert(from, to, true, before)));
        self.inserts
            .push((Vec::new(), insert(to, from, false, after.to_owned())));
    }

    /// `choices` instead of an expression, each where its mutant lives.
    fn choose(&mut self, range: (usize, usize), choices: Vec<(usize, String)>) {
        if choices.is_empty() {
            return;
        }
        let ids = choices.iter().map(|(id, _)| *id).collect();
        let mut before = "(".to_owned();
        for (id, text) in choices {
            before += &format!("if crate::mutants::lives({id}) {{ {text} }} else ");
        }
        self.wrap(ids, range, before + "{ ", " })");
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        // One hidden type stands for all that such a function returns.
        if let syn::ReturnType::Type(_, of) = &signature.output
            && matches!(**of, syn::Type::ImplTrait(_))
        {
            return;
        }
        let Some((first, last)) = block.stmts.first().zip(block.stmts.last()) else {
            return;
        };
        let start = first.span().start();
        let end = last.span().end();
        let found = self.mutants.iter().filter(|m| {
            m.genre == Genre::FnValue
                && m.start == (start.line, start.column)
                && m.end == (end.line, end.column)
        });
        let choices: Vec<_> = found.map(|m| (m.id, m.replacement.clone())).collect();
        let open = self.at(block.brace_token.span.open().end());
        for (id, text) in choices {
            let text = format!(" if crate::mutants::lives({id}) {{ return {text}; }}");
            let insert = Insert {
                at: open,
                other: usize::MAX,
                opens: true,
                text,
            };
            self.inserts.push((vec![id], insert));
        }
    }

    fn write(mut self) -> (String, Vec<Planted>) {
        // At one place: what closes comes before what opens; of what closes the narrower one, of what opens the
        // wider one.
        self.inserts.sort_by_key(|(_, i)| match i.opens {
            false => (i.at, false, usize::MAX - i.other),
            true => (i.at, true, usize::MAX - i.other),
        });
        let mut out = String::new();
        let mut planted = Vec::new();
        let mut at = 0;
        for (ids, insert) in &self.inserts {
            out += &self.source[at..insert.at];
            at = insert.at;
            let from = out.len();
            out += &insert.text;
            for id in ids {
                // Of several at one place each has its own part of the text.
                let mine = format!("lives({id})");
                let begins = insert.text.find(&mine).unwrap_or(0);
                let ends = insert.text[begins..]
                    .find("} else")
                    .map_or(insert.text.len(), |n| begins + n);
                planted.push(Planted {
                    id: *id,
                    from: from + begins.saturating_sub(20),
                    to: from + ends,
                });
            }
        }
        out += &self.source[at..];
        (out, planted)
    }
}

/// Whether one side of it binds names: such a condition cannot be moved.
fn binds(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(b) => binds(&b.left) || binds(&b.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Planter<'_> {
    fn visit_item_fn(&mut self, f: &'ast syn::ItemFn) {
        if f.sig.constness.is_none() {
            self.function(&f.sig, &f.block);
            visit::visit_item_fn(self, f);
        }
    }

    fn visit_impl_item_fn(&mut self, f: &'ast syn::ImplItemFn) {
        if f.sig.constness.is_none() {
            self.function(&f.sig, &f.block);
            visit::visit_impl_item_fn(self, f);
        }
    }

    fn visit_trait_item_fn(&mut self, f: &'ast syn::TraitItemFn) {
        if let Some(block) = &f.default {
            self.function(&f.sig, block);
        }
        visit::visit_trait_item_fn(self, f);
    }

    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}

    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}

    fn visit_expr_binary(&mut self, b: &'ast syn::ExprBinary) {
        if !binds(&b.left) && !binds(&b.right) {
            let (left, right) = (
                self.text(&b.left).to_owned(),
                self.text(&b.right).to_owned(),
            );
            let choices = self.here(Genre::BinaryOperator, &b.op);
            let choices = choices
                .into_iter()
                .map(|(id, op)| (id, format!("{left} {op} {right}")));
            let choices = choices.collect();
            let range = self.range(b);
            self.choose(range, choices);
        }
        visit::visit_expr_binary(self, b);
    }

    fn visit_expr_unary(&mut self, u: &'ast syn::ExprUnary) {
        let inner = self.text(&u.expr).to_owned();
        let choices = self.here(Genre::UnaryOperator, &u.op);
        let choices = choices
            .into_iter()
            .map(|(id, _)| (id, inner.clone()))
            .collect();
        let range = self.range(u);
        self.choose(range, choices);
        visit::visit_expr_unary(self, u);
    }

    fn visit_expr_match(&mut self, m: &'ast syn::ExprMatch) {
        let rest = |arm: &syn::Arm| match &arm.pat {
            syn::Pat::Wild(_) => true,
            // A name takes all; `None` is no name.
            syn::Pat::Ident(p) => p.ident.to_string().starts_with(char::is_lowercase),
            _ => false,
        };
        let has_rest = m.arms.iter().any(|arm| rest(arm) && arm.guard.is_none());
        for arm in &m.arms {
            let gone = self.here(Genre::MatchArm, arm);
            let gone: Vec<usize> = gone.into_iter().map(|(id, _)| id).collect();
            match &arm.guard {
                Some((_, guard)) if !binds(guard) => {
                    let choices = self.here(Genre::MatchArmGuard, guard);
                    let range = self.range(&**guard);
                    if let Some(id) = gone.first() {
                        let before = format!("!crate::mutants::lives({id}) && (");
                        self.wrap(vec![*id], range, before, ")");
                    }
                    self.choose(range, choices);
                }
                Some(_) => {}
                // Without one that takes all the rest, no arm can be left out.
                None if !has_rest => {}
                None => {
                    if let Some(id) = gone.first() {
                        let (_, end) = self.range(&arm.pat);
                        let before = format!(" if !crate::mutants::lives({id})");
                        self.wrap(vec![*id], (end, end), before, "");
                    }
                }
            }
        }
        visit::visit_expr_match(self, m);
    }

    fn visit_expr_struct(&mut self, s: &'ast syn::ExprStruct) {
        if let Some(rest) = &s.rest {
            let base = match self.text(&**rest) {
                "Default::default()" => format!("<{}>::default()", self.text(&s.path)),
                other => format!("({other})"),
            };
            for field in &s.fields {
                let mut choices = self.here(Genre::StructField, field);
                let syn::Member::Named(name) = &field.member else {
                    continue;
                };
                for (_, text) in &mut choices {
                    *text = format!("{base}.{name}");
                }
                let (from, to) = self.range(&field.expr);
                if field.colon_token.is_some() {
                    self.choose((from, to), choices);
                } else if let Some((id, text)) = choices.pop() {
                    let before =
                        format!("{name}: if crate::mutants::lives({id}) {{ {text} }} else {{ ");
                    self.wrap(vec![id], (from, to), before, " }");
                }
            }
        }
        visit::visit_expr_struct(self, s);
    }
}
