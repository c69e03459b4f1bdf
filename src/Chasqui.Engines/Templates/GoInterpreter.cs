using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>Runs a tree over a value. One run, one thread.</summary>
internal sealed class GoInterpreter(GoTree tree, string source, StringBuilder output, TemplateBudget budget, TimeProvider clock)
{
    private readonly List<(string Name, object? Value)> _variables = [];
    private string _template = "";
    private int _depth;

    private enum Flow { On, Break, Continue }

    /// <exception cref="InvalidTemplateException">The template asks for what the value does not have, or takes too much.</exception>
    public void Run(GoBlock root, object? data)
    {
        _variables.Add(("$", data));
        Walk(root, data);
    }

    private Flow Walk(GoNode node, object? dot)
    {
        budget.Step();
        if (++_depth > budget.MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Fail(node, "exceeded maximum template depth");
        var flow = Flow.On;
        switch (node)
        {
            case GoBlock block:
                foreach (var child in block.Nodes)
                {
                    flow = Walk(child, dot);
                    if (flow != Flow.On)
                        break;
                }

                break;
            case GoText text:
                Write(text.Text);
                break;
            case GoAction action:
                object? value = Evaluate(action.Pipe, dot);
                if (action.Pipe.Declares.Count == 0)
                    Write(GoFormat.Print(value, budget));
                break;
            case GoBranch { Kind: GoBranchKind.Range } range:
                flow = Range(range, dot);
                break;
            case GoBranch branch:
                flow = Branch(branch, dot);
                break;
            case GoBreak: flow = Flow.Break; break;
            case GoContinue: flow = Flow.Continue; break;
            case GoCall call: Call(call, dot); break;
        }

        _depth--;
        return flow;
    }

    private void Write(string text)
    {
        budget.Output(text.Length);
        output.Append(text);
    }

    private Flow Branch(GoBranch branch, object? dot)
    {
        int mark = _variables.Count;
        object? value = Evaluate(branch.Pipe, dot);
        var flow = Flow.On;
        if (GoValue.IsTrue(value))
            flow = Walk(branch.Body, branch.Kind == GoBranchKind.With ? value : dot);
        else if (branch.Else is { } otherwise)
            flow = Walk(otherwise, dot);
        Pop(mark);
        return flow;
    }

    private Flow Range(GoBranch range, object? dot)
    {
        int mark = _variables.Count;
        object? value = Evaluate(range.Pipe, dot);
        int body = _variables.Count;
        var result = Flow.On;
        bool any = false;
        foreach (var (index, element) in Items(range, value))
        {
            budget.Step();
            any = true;
            SetRangeVariables(range, body, index, element);
            var flow = Walk(range.Body, element);
            Pop(body);
            if (flow == Flow.Break)
                break;
        }

        if (!any && range.Else is { } otherwise)
            result = Walk(otherwise, dot);
        Pop(mark);
        return result;
    }

    private IEnumerable<(object? Index, object? Element)> Items(GoBranch range, object? value)
    {
        switch (value)
        {
            case null:
                break;
            case GoList list:
                for (int i = 0; i < list.Items.Length; i++)
                    yield return ((long)i, list.Items.Span[i]);
                break;
            case GoMap map:
                foreach (var (key, element) in map.Entries)
                    yield return (key, element);
                break;
            case long count:
                for (long i = 0; i < count; i++)
                    yield return (i, i);
                break;
            default:
                throw Fail(range.Pipe, $"range can't iterate over a value of type {GoValue.TypeName(value)}");
        }
    }

    private void SetRangeVariables(GoBranch range, int body, object? index, object? element)
    {
        var names = range.Pipe.Declares;
        if (names.Count == 0)
            return;
        if (range.Pipe.Assigns)
        {
            Assign(range.Pipe, names[0], names.Count > 1 ? index : element);
            if (names.Count > 1)
                Assign(range.Pipe, names[1], element);
            return;
        }

        _variables[body - 1] = (names[^1], element);
        if (names.Count > 1)
            _variables[body - 2] = (names[0], index);
    }

    private void Call(GoCall call, object? dot)
    {
        if (!tree.Definitions.TryGetValue(call.Name, out var body))
            throw Fail(call, $"template {GoQuote.Quote(call.Name)} not defined");
        object? data = call.Pipe is { } pipe ? Evaluate(pipe, dot) : null;
        budget.Step(_variables.Count / 16);
        var outer = _variables.ToArray();
        string template = _template;
        _variables.Clear();
        _variables.Add(("$", data));
        _template = call.Name;
        Walk(body, data);
        _template = template;
        _variables.Clear();
        _variables.AddRange(outer);
    }

    private object? Evaluate(GoPipe pipe, object? dot)
    {
        budget.Step();
        object? value = null;
        bool piped = false;
        foreach (var command in pipe.Commands)
        {
            value = Evaluate(command, dot, value, piped);
            piped = true;
        }

        foreach (string name in pipe.Declares)
        {
            if (pipe.Assigns)
                Assign(pipe, name, value);
            else
                _variables.Add((name, value));
        }

        return value;
    }

    private object? Evaluate(GoCommand command, object? dot, object? final, bool piped)
    {
        var first = command.Arguments[0];
        if (first is GoIdentifier function)
            return Call(function, command.Arguments, dot, final, piped);
        if (command.Arguments.Count > 1 || piped)
        {
            throw first is GoFieldNode or GoVariable or GoChain
                ? Fail(first, $"{Shown(first)} has arguments but cannot be invoked as function")
                : Fail(first, $"can't give argument to non-function {Shown(first)}");
        }

        return first is GoNil ? throw Fail(first, "nil is not a command") : Operand(first, dot);
    }

    private object? Operand(GoNode node, object? dot)
    {
        budget.Step();
        return node switch
        {
            GoConstant constant => constant.Value,
            GoDot => dot,
            GoNil => null,
            GoFieldNode field => Fields(field, dot, field.Names),
            GoVariable variable => Fields(variable, Lookup(variable), variable.Fields),
            GoChain chain => Fields(chain, Operand(chain.Target, dot), chain.Fields),
            GoPipe pipe => Nested(pipe, dot),
            GoIdentifier function => Call(function, [function], dot, null, piped: false),
            _ => throw Fail(node, "can't evaluate this here"),
        };
    }

    private object? Nested(GoPipe pipe, object? dot)
    {
        if (++_depth > budget.MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Fail(pipe, "exceeded maximum template depth");
        object? value = Evaluate(pipe, dot);
        _depth--;
        return value;
    }

    private object? Fields(GoNode node, object? receiver, IReadOnlyList<string> names)
    {
        for (int i = 0; i < names.Count; i++)
        {
            string name = names[i];
            switch (receiver)
            {
                case null when i == 0:
                    return null;
                case null:
                    throw Fail(node, $"nil pointer evaluating interface {{}}.{name}");
                case GoMap map when map.TryGet(name, out object? entry):
                    receiver = entry;
                    break;
                case GoRecord record when record.TryGet(name, out object? value):
                    receiver = value;
                    break;
                case GoComposite { PrintsAsJson: true } when name == "String":
                    receiver = GoFormat.Value(receiver, budget);
                    break;
                case GoRecord { TypeScript: { } type } when name == "ToTypeScriptType":
                    receiver = type;
                    break;
                case GoMap:
                    receiver = null;
                    break;
                default:
                    throw Fail(node, $"can't evaluate field {name} in type {GoValue.TypeName(receiver)}");
            }
        }

        return receiver;
    }

    private object? Call(GoIdentifier function, IReadOnlyList<GoNode> arguments, object? dot, object? final, bool piped)
    {
        bool and = function.Name == "and";
        if (and || function.Name == "or")
            return Choose(function, arguments, dot, final, piped, and);
        object?[] values = new object?[arguments.Count - 1 + (piped ? 1 : 0)];
        for (int i = 1; i < arguments.Count; i++)
            values[i - 1] = Operand(arguments[i], dot);
        if (piped)
            values[^1] = final;
        foreach (object? value in values)
        {
            if (value is string text)
                budget.Text(text.Length);
        }

        try
        {
            return GoFunctions.Call(function.Name, values, budget, clock);
        }
        catch (GoCallException error)
        {
            throw Fail(function, $"error calling {function.Name}: {error.Message}");
        }
    }

    private object? Choose(
        GoIdentifier function, IReadOnlyList<GoNode> arguments, object? dot, object? final, bool piped, bool and)
    {
        if (arguments.Count == 1 && !piped)
            throw Fail(function, $"wrong number of args for {function.Name}: want at least 1 got 0");
        object? value = null;
        for (int i = 1; i < arguments.Count; i++)
        {
            value = Operand(arguments[i], dot);
            if (GoValue.IsTrue(value) != and)
                return value;
        }

        return piped ? final : value;
    }

    private object? Lookup(GoVariable variable)
    {
        int at = Find(variable.Name);
        return at >= 0 ? _variables[at].Value : throw Fail(variable, $"undefined variable: {variable.Name}");
    }

    private void Assign(GoNode node, string name, object? value)
    {
        int at = Find(name);
        if (at < 0)
            throw Fail(node, $"undefined variable: {name}");
        _variables[at] = (name, value);
    }

    private int Find(string name)
    {
        for (int i = _variables.Count - 1; i >= 0; i--)
        {
            if (_variables[i].Name == name)
            {
                budget.Step((_variables.Count - i) / 16);
                return i;
            }
        }

        return -1;
    }

    private void Pop(int mark) => _variables.RemoveRange(mark, _variables.Count - mark);

    private string Shown(GoNode node)
    {
        int end = node.Position;
        while (end < source.Length && end - node.Position < 20 && source[end] is not (' ' or '}' or ')' or '|' or '\n'))
            end++;
        return source[Math.Min(node.Position, source.Length)..end];
    }

    private InvalidTemplateException Fail(GoNode node, string message)
    {
        int at = Math.Min(node.Position, source.Length);
        int line = 1 + source.AsSpan(0, at).Count('\n');
        int column = at - (source.AsSpan(0, at).LastIndexOf('\n') + 1);
        if (message.Length > GoTokenCursor.MaxMessage)
            message = message[..GoTokenCursor.MaxMessage] + "…";
        return new(string.Create(CultureInfo.InvariantCulture,
            $"template: :{line}:{column}: executing {GoQuote.Quote(_template.Length > 40 ? _template[..40] : _template)} at <{Shown(node)}>: {message}"));
    }
}
