using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>
/// A prompt template in the language of Go's <c>text/template</c>, with the values and functions that Ollama gives it
/// (<c>template/template.go</c>). Immutable; may be rendered from many threads at once.
/// </summary>
public sealed class GoTemplate
{
    /// <summary>The longest text that is taken, in characters (1 Mi).</summary>
    public const int MaxLength = 1024 * 1024;

    /// <summary>The longest text of a template that comes with a request, in characters (64 Ki).</summary>
    public const int MaxRequestLength = 64 * 1024;

    private readonly GoTree _tree;
    private readonly GoTree _lastTurn;

    private GoTemplate(string text, GoTree tree, IReadOnlySet<string> fields)
    {
        Text = text;
        Fields = fields;
        // A template that says nowhere where the answer goes has it at its end.
        _tree = fields.Contains("Messages") || fields.Contains("Response")
            ? tree
            : tree with { Root = tree.Root with { Nodes = [.. tree.Root.Nodes, TemplateFields.Response(text.Length)] } };
        _lastTurn = _tree with { Root = TemplateFields.UpToResponse(_tree.Root) };
    }

    /// <summary>The text as it was given.</summary>
    public string Text { get; }

    /// <summary>Every name that the template reads (<c>Messages</c>, <c>Role</c>, <c>Tools</c>, <c>$m</c> …); upper and lower case are one.</summary>
    public IReadOnlySet<string> Fields { get; }

    /// <summary>Whether the template reads <paramref name="field"/>: <c>Tools</c> of a model that knows tools, <c>Suffix</c> of
    /// one that fills in the middle, <c>Thinking</c> of one that thinks.</summary>
    public bool Uses(string field) => Fields.Contains(field);

    /// <summary>Reads a template.</summary>
    /// <param name="text">At most <see cref="MaxLength"/> characters, nested at most 100 levels deep.</param>
    /// <exception cref="InvalidTemplateException">The text is no template; worded as Go words it, with the line.</exception>
    public static GoTemplate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength)
        {
            throw new InvalidTemplateException(string.Create(CultureInfo.InvariantCulture,
                $"template: the text has {text.Length} characters, but may have at most {MaxLength}"));
        }

        var tree = GoParser.Parse(text);
        return new GoTemplate(text, tree, TemplateFields.Of(tree));
    }

    /// <summary>
    /// Makes the prompt. A template that reads <c>.Messages</c> is run once over all turns; an older one, written for one
    /// <c>.System</c>, <c>.Prompt</c> and <c>.Response</c>, once for each exchange, the last time only up to its <c>.Response</c>.
    /// </summary>
    /// <param name="input">What it is rendered over.</param>
    /// <exception cref="InvalidTemplateException">The template asks for what is not there, or takes more steps or characters than the
    /// <see cref="TemplateInput.OwnCharacters"/> of the input allow: 5 million steps and 64 Mi characters at most.</exception>
    public string Render(TemplateInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var run = new Run(this, input, input.OwnCharacters is { } own ? TemplateBudget.OfRequest(input.Characters, own) : TemplateBudget.OfModel(input.Characters));
        if (!string.IsNullOrEmpty(input.Prompt) && !string.IsNullOrEmpty(input.Suffix))
        {
            run.Execute(_tree, ("Prompt", input.Prompt), ("Suffix", input.Suffix), ("Response", ""));
            return run.Output;
        }

        var turns = TemplateTurns.Of(input);
        if (Uses("Messages"))
        {
            var (messages, tools) = TemplateData.Of(turns.Turns, input.Tools);
            run.Execute(_tree, ("System", turns.System), ("Messages", messages), ("Tools", tools), ("Response", ""));
        }
        else
        {
            ByExchange(run, turns.Turns);
        }

        return run.Output;
    }

    private void ByExchange(Run run, IReadOnlyList<ChatMessage> turns)
    {
        string system = "", prompt = "", response = "";
        foreach (var turn in turns)
        {
            // A turn opens a new exchange where the one before has already gone beyond its place.
            bool closes = turn.Role switch
            {
                "system" => prompt.Length > 0 || response.Length > 0,
                "user" => response.Length > 0,
                _ => false,
            };
            if (closes)
            {
                run.Execute(_tree, ("System", system), ("Prompt", prompt), ("Response", response));
                system = prompt = response = "";
            }

            switch (turn.Role)
            {
                case "system": system = turn.Content; break;
                case "user": prompt = turn.Content; break;
                case "assistant": response = turn.Content; break;
            }
        }

        // The last answer is still to come: what was said of it stands at the end, for the model to go on from.
        run.Execute(_lastTurn, ("System", system), ("Prompt", prompt), ("Response", response));
    }

    private sealed class Run(GoTemplate template, TemplateInput input, TemplateBudget budget)
    {
        private readonly StringBuilder _output = new();

        public string Output => _output.ToString();

        public void Execute(GoTree tree, params ReadOnlySpan<(string Name, object? Value)> values)
        {
            var entries = new List<KeyValuePair<string, object?>>(values.Length + 3);
            foreach (var (name, value) in values)
                entries.Add(KeyValuePair.Create(name, value));
            entries.Add(KeyValuePair.Create("Think", (object?)input.Think));
            entries.Add(KeyValuePair.Create("ThinkLevel", (object?)input.ThinkLevel));
            entries.Add(KeyValuePair.Create("IsThinkSet", (object?)input.IsThinkSet));
            new GoInterpreter(tree, template.Text, _output, budget, input.Clock)
                .Run(tree.Root, new GoMap("map[string]interface {}", entries));
        }
    }
}
