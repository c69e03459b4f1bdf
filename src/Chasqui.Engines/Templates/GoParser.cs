using System.Globalization;

namespace Chasqui.Engines.Templates;

/// <summary>Builds the tree of a template. Refusals are worded as Go words them.</summary>
internal sealed class GoParser
{
    /// <summary>How deep actions and parentheses may nest.</summary>
    public const int MaxNesting = 100;

    private readonly GoTokenCursor _at;
    private readonly Dictionary<string, GoBlock> _definitions = new(StringComparer.Ordinal);
    private readonly List<string> _variables = ["$"];
    private int _depth;
    private int _ranges;

    private GoParser(List<GoToken> tokens) => _at = new GoTokenCursor(tokens);

    /// <exception cref="InvalidTemplateException">The text is no template.</exception>
    public static GoTree Parse(string text) => new GoParser(GoLexer.Split(text)).Tree();

    private sealed record Mark(int Position, bool IsElse) : GoNode(Position);

    private GoTree Tree()
    {
        var nodes = new List<GoNode>();
        while (_at.Current.Kind != GoTokenKind.Eof)
        {
            if (_at.Current.Kind == GoTokenKind.LeftDelim && _at.KeywordAfter("define"))
            {
                Definition();
                continue;
            }

            var node = TextOrAction();
            if (node is Mark mark)
                throw _at.Fail(mark.IsElse ? "unexpected {{else}}" : "unexpected {{end}}");
            nodes.Add(node);
        }

        return new GoTree(new GoBlock(0, nodes), _definitions);
    }

    private void Definition()
    {
        _at.Take();
        _at.ActionLine = _at.Current.Line;
        _at.TakeNonSpace();
        string name = TemplateName("define clause");
        _at.ExpectRightDelim("define clause");
        var outer = _variables.ToArray();
        _variables.RemoveRange(1, _variables.Count - 1);
        int ranges = _ranges;
        _ranges = 0;
        var (body, end) = Block();
        if (end.IsElse)
            throw _at.Fail("unexpected {{else}} in define clause");
        _ranges = ranges;
        _variables.Clear();
        _variables.AddRange(outer);
        Define(name, body);
    }

    private void Define(string name, GoBlock body)
    {
        if (_definitions.ContainsKey(name))
            throw _at.Fail($"multiple definition of template {GoQuote.Quote(name)}");
        _definitions.Add(name, body);
    }

    private (GoBlock Body, Mark End) Block()
    {
        if (++_depth > MaxNesting)
            throw _at.Fail($"nested deeper than {MaxNesting} levels");
        var nodes = new List<GoNode>();
        int start = _at.Current.Position;
        while (_at.Current.Kind != GoTokenKind.Eof)
        {
            var node = TextOrAction();
            if (node is Mark mark)
            {
                _depth--;
                return (new GoBlock(start, nodes), mark);
            }

            nodes.Add(node);
        }

        throw _at.Fail("unexpected EOF");
    }

    private GoNode TextOrAction()
    {
        var token = _at.TakeNonSpace();
        if (token.Kind == GoTokenKind.Text)
            return new GoText(token.Position, token.Text);
        if (token.Kind != GoTokenKind.LeftDelim)
            throw _at.Unexpected(token, "input");
        _at.ActionLine = token.Line;
        _at.SkipSpace();
        var first = _at.Current;
        if (first.Kind != GoTokenKind.Keyword)
            return new GoAction(first.Position, Pipeline("command", GoTokenKind.RightDelim));
        _at.Take();
        switch (first.Text)
        {
            case "if": return Branch(GoBranchKind.If, first.Position);
            case "range": return Branch(GoBranchKind.Range, first.Position);
            case "with": return Branch(GoBranchKind.With, first.Position);
            case "template": return Call(first.Position);
            case "block": return DefineAndCall(first.Position);
            case "break" or "continue": return Jump(first);
            case "end":
                _at.ExpectRightDelim("end");
                return new Mark(first.Position, IsElse: false);
            case "else":
                _at.SkipSpace();
                // "else if" and "else with" go on in the branch that meets this mark.
                if (!_at.Current.Is("if") && !_at.Current.Is("with"))
                    _at.ExpectRightDelim("else");
                return new Mark(first.Position, IsElse: true);
            default:
                throw _at.Unexpected(first, "command");
        }
    }

    private GoBranch Branch(GoBranchKind kind, int position)
    {
        string context = kind switch { GoBranchKind.If => "if", GoBranchKind.Range => "range", _ => "with" };
        int scope = _variables.Count;
        var pipe = Pipeline(context, GoTokenKind.RightDelim);
        if (kind == GoBranchKind.Range)
            _ranges++;
        var (body, end) = Block();
        if (kind == GoBranchKind.Range)
            _ranges--;
        GoBlock? otherwise = null;
        if (end.IsElse && kind != GoBranchKind.Range && _at.Current.Is(context))
        {
            int at = _at.Take().Position;
            if (++_depth > MaxNesting)
                throw _at.Fail($"nested deeper than {MaxNesting} levels");
            otherwise = new GoBlock(at, [Branch(kind, at)]);
            _depth--;
        }
        else if (end.IsElse)
        {
            (otherwise, end) = Block();
            if (end.IsElse)
                throw _at.Fail("expected end; found {{else}}");
        }

        _variables.RemoveRange(scope, _variables.Count - scope);
        return new GoBranch(position, kind, pipe, body, otherwise);
    }

    private GoNode Jump(GoToken token)
    {
        _at.SkipSpace();
        if (_at.Current.Kind != GoTokenKind.RightDelim)
            throw _at.Unexpected(_at.Current, $"{{{{{token.Text}}}}}");
        _at.Take();
        if (_ranges == 0)
            throw _at.Fail($"{{{{{token.Text}}}}} outside {{{{range}}}}");
        return token.Text == "break" ? new GoBreak(token.Position) : new GoContinue(token.Position);
    }

    private GoCall Call(int position)
    {
        string name = TemplateName("template clause");
        _at.SkipSpace();
        GoPipe? pipe = null;
        if (_at.Current.Kind == GoTokenKind.RightDelim)
            _at.Take();
        else
            pipe = Pipeline("template clause", GoTokenKind.RightDelim);
        return new GoCall(position, name, pipe);
    }

    private GoCall DefineAndCall(int position)
    {
        string name = TemplateName("block clause");
        var pipe = Pipeline("block clause", GoTokenKind.RightDelim);
        var outer = _variables.ToArray();
        _variables.RemoveRange(1, _variables.Count - 1);
        int ranges = _ranges;
        _ranges = 0;
        var (body, end) = Block();
        if (end.IsElse)
            throw _at.Fail("unexpected {{else}} in block clause");
        _ranges = ranges;
        _variables.Clear();
        _variables.AddRange(outer);
        Define(name, body);
        return new GoCall(position, name, pipe);
    }

    private string TemplateName(string context)
    {
        var token = _at.TakeNonSpace();
        return token.Kind is GoTokenKind.String or GoTokenKind.RawString
            ? GoLiterals.Unquote(token.Text) ?? throw _at.Fail($"invalid syntax: {token.Text}")
            : throw _at.Unexpected(token, context);
    }

    private GoPipe Pipeline(string context, GoTokenKind end)
    {
        _at.SkipSpace();
        int position = _at.Current.Position;
        var declares = new List<string>();
        bool assigns = Declarations(context, declares);
        var commands = new List<GoCommand>();
        while (true)
        {
            _at.SkipSpace();
            var token = _at.Current;
            if (token.Kind == end)
            {
                _at.Take();
                break;
            }

            if (!StartsOperand(token.Kind))
                throw _at.Unexpected(_at.Take(), context);
            commands.Add(Command());
        }

        if (commands.Count == 0)
            throw _at.Fail($"missing value for {context}");
        for (int i = 1; i < commands.Count; i++)
        {
            if (commands[i].Arguments[0] is GoConstant or GoDot or GoNil)
                throw _at.Fail(string.Create(CultureInfo.InvariantCulture, $"non executable command in pipeline stage {i + 1}"));
        }

        return new GoPipe(position, commands, declares, assigns);
    }

    private bool Declarations(string context, List<string> declares)
    {
        while (true)
        {
            _at.SkipSpace();
            if (_at.Current.Kind != GoTokenKind.Variable)
                return false;
            int before = _at.Position;
            string name = _at.Take().Text;
            _at.SkipSpace();
            if (_at.Current.Kind is GoTokenKind.Declare or GoTokenKind.Assign)
            {
                bool assigns = _at.Take().Kind == GoTokenKind.Assign;
                declares.Add(name);
                _variables.Add(name);
                return assigns;
            }

            if (_at.Current is not { Kind: GoTokenKind.Symbol, Text: "," })
            {
                _at.Position = before;
                return false;
            }

            _at.Take();
            declares.Add(name);
            _variables.Add(name);
            if (context != "range" || declares.Count >= 2)
                throw _at.Fail($"too many declarations in {context}");
            _at.SkipSpace();
            if (_at.Current.Kind is not (GoTokenKind.Variable or GoTokenKind.RightDelim or GoTokenKind.RightParen))
                throw _at.Fail("range can only initialize variables");
        }
    }

    private GoCommand Command()
    {
        int position = _at.Current.Position;
        var arguments = new List<GoNode>();
        while (true)
        {
            _at.SkipSpace();
            if (Operand() is { } operand)
                arguments.Add(operand);
            var token = _at.Current;
            if (token.Kind == GoTokenKind.Space)
                continue;
            if (token.Kind is GoTokenKind.RightDelim or GoTokenKind.RightParen)
                break;
            _at.Take();
            if (token.Kind == GoTokenKind.Pipe)
            {
                _at.SkipSpace();
                if (!StartsOperand(_at.Current.Kind))
                    throw _at.Current.Kind is GoTokenKind.RightDelim or GoTokenKind.RightParen
                        ? _at.Fail("missing value for command") : _at.Unexpected(_at.Current, "command");
                break;
            }

            throw _at.Unexpected(token, "operand");
        }

        return arguments.Count == 0 ? throw _at.Fail("empty command") : new GoCommand(position, arguments);
    }

    private GoNode? Operand()
    {
        if (Term() is not { } node)
            return null;
        if (_at.Current.Kind != GoTokenKind.Field)
            return node;
        var fields = new List<string>();
        while (_at.Current.Kind == GoTokenKind.Field)
            fields.Add(_at.Take().Text);
        return node switch
        {
            GoFieldNode field => field with { Names = [.. field.Names, .. fields] },
            GoVariable variable => variable with { Fields = fields },
            GoConstant or GoNil or GoDot => throw _at.Fail($"unexpected . after term {GoQuote.Quote(TextOf(node))}"),
            _ => new GoChain(node.Position, node, fields),
        };
    }

    private string TextOf(GoNode node) => _at.TextAt(node.Position);

    private GoNode? Term()
    {
        var token = _at.Current;
        switch (token.Kind)
        {
            case GoTokenKind.Identifier:
                if (!GoFunctions.Exists(token.Text))
                    throw _at.Fail($"function {GoQuote.Quote(token.Text)} not defined");
                _at.Take();
                return new GoIdentifier(token.Position, token.Text);
            case GoTokenKind.Dot:
                _at.Take();
                return new GoDot(token.Position);
            case GoTokenKind.Nil:
                _at.Take();
                return new GoNil(token.Position);
            case GoTokenKind.Variable:
                if (!_variables.Contains(token.Text))
                    throw _at.Fail($"undefined variable {GoQuote.Quote(token.Text)}");
                _at.Take();
                return new GoVariable(token.Position, token.Text, []);
            case GoTokenKind.Field:
                _at.Take();
                return new GoFieldNode(token.Position, [token.Text]);
            case GoTokenKind.Bool:
                _at.Take();
                return new GoConstant(token.Position, token.Text == "true");
            case GoTokenKind.Number or GoTokenKind.Char:
                _at.Take();
                return new GoConstant(token.Position, GoLiterals.Number(token)
                    ?? throw _at.Fail($"bad number syntax: {GoQuote.Quote(token.Text)}"));
            case GoTokenKind.String or GoTokenKind.RawString:
                _at.Take();
                return new GoConstant(token.Position, GoLiterals.Unquote(token.Text) ?? throw _at.Fail("invalid syntax"));
            case GoTokenKind.LeftParen:
                _at.Take();
                if (++_depth > MaxNesting)
                    throw _at.Fail($"nested deeper than {MaxNesting} levels");
                var pipe = Pipeline("parenthesized pipeline", GoTokenKind.RightParen);
                _depth--;
                return pipe;
            default:
                return null;
        }
    }

    private static bool StartsOperand(GoTokenKind kind) => kind is GoTokenKind.Bool or GoTokenKind.Char or GoTokenKind.Dot
        or GoTokenKind.Field or GoTokenKind.Identifier or GoTokenKind.Number or GoTokenKind.Nil or GoTokenKind.RawString
        or GoTokenKind.String or GoTokenKind.Variable or GoTokenKind.LeftParen;
}
