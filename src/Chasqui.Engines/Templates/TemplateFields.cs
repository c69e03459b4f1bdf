namespace Chasqui.Engines.Templates;

/// <summary>Which names a template reads, and the cut that Ollama makes in a template of one exchange.</summary>
internal static class TemplateFields
{
    /// <summary>The action <c>{{ .Response }}</c>.</summary>
    public static GoAction Response(int position) => new(position, new GoPipe(position,
        [new GoCommand(position, [new GoFieldNode(position, ["Response"])])], [], false));

    /// <exception cref="InvalidTemplateException">A template is called without a value, which Ollama refuses.</exception>
    public static IReadOnlySet<string> Of(GoTree tree)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        Collect(tree.Root, names);
        foreach (var definition in tree.Definitions.Values)
            Collect(definition, names);
        return names;
    }

    private static void Collect(GoNode? node, HashSet<string> names)
    {
        switch (node)
        {
            case GoBlock block: All(block.Nodes); break;
            case GoAction action: Collect(action.Pipe, names); break;
            case GoBranch branch:
                Collect(branch.Pipe, names);
                Collect(branch.Body, names);
                Collect(branch.Else, names);
                break;
            case GoCall { Pipe: null }: throw new InvalidTemplateException("undefined template specified");
            case GoCall call: Collect(call.Pipe, names); break;
            case GoPipe pipe: All(pipe.Commands); break;
            case GoCommand command: All(command.Arguments); break;
            case GoChain chain:
                Collect(chain.Target, names);
                names.UnionWith(chain.Fields);
                break;
            case GoFieldNode field: names.UnionWith(field.Names); break;
            case GoVariable variable:
                names.Add(variable.Name);
                names.UnionWith(variable.Fields);
                break;
        }

        void All(IReadOnlyList<GoNode> nodes)
        {
            foreach (var child in nodes)
                Collect(child, names);
        }
    }

    /// <summary>The block up to and with its first action that prints <c>.Response</c>.</summary>
    public static GoBlock UpToResponse(GoBlock block)
    {
        bool cut = false;
        return Kept(block, ref cut);
    }

    private static GoBlock Kept(GoBlock block, ref bool cut)
    {
        var kept = new List<GoNode>();
        foreach (var node in block.Nodes)
        {
            switch (node)
            {
                case GoBranch branch:
                    var body = Kept(branch.Body, ref cut);
                    var otherwise = branch.Else is null || cut ? null : Kept(branch.Else, ref cut);
                    kept.Add(branch with { Body = body, Else = otherwise });
                    break;
                case GoAction action when Mentions(action.Pipe):
                    kept.Add(action);
                    cut = true;
                    break;
                default:
                    kept.Add(node);
                    break;
            }

            if (cut)
                break;
        }

        return block with { Nodes = kept };
    }

    private static bool Mentions(GoNode node) => node switch
    {
        GoFieldNode field => field.Names.Contains("Response"),
        GoPipe pipe => pipe.Commands.Any(Mentions),
        GoCommand command => command.Arguments.Any(Mentions),
        _ => false,
    };
}
