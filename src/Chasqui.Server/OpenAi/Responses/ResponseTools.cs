using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// The tools of a response: as they came, flat; as a model is offered them, each as a function; and what a call of one is to the client. Tools that run at
/// OpenAI are left out, and named.
/// </summary>
internal sealed class ResponseTools
{
    /// <summary>The one argument of a tool that takes a text instead of arguments.</summary>
    public const string Text = "input";

    private const string Parameter = "tools";

    private readonly Dictionary<string, Tool> _byName = new(StringComparer.Ordinal);
    private readonly List<string> _passedOver = [];

    private ResponseTools()
    {
    }

    /// <summary>No tools.</summary>
    public static ResponseTools None { get; } = new();

    /// <summary>The tools as they came; null for none.</summary>
    public JsonElement? Given { get; private init; }

    /// <summary>The tools in the engine's form; null for none.</summary>
    public JsonElement? Offered { get; private set; }

    /// <summary>What was left out, such as <c>tools.web_search</c>.</summary>
    public IReadOnlyList<string> PassedOver => _passedOver;

    /// <exception cref="InvalidParameterException">A tool is none.</exception>
    public static ResponseTools Read(JsonElement tools)
    {
        var read = new ResponseTools { Given = tools.Clone() };
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = FunctionCall.PlainWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var tool in Field.Items(Parameter, tools))
                read.Add(json, tool, "");
            json.WriteEndArray();
        }
        if (read._byName.Count == 0)
            return read;
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        read.Offered = document.RootElement.Clone();
        return read;
    }

    /// <summary>The name under which a model knows a tool of a namespace: names of functions have no dots at most nodes.</summary>
    public static string NameOf(string space, string name) =>
        space.Length == 0 ? name : space.EndsWith('_') ? space + name : space + "__" + name;

    /// <summary>The name under which a model knows the tool that a choice names.</summary>
    /// <exception cref="InvalidParameterException">It names none.</exception>
    public static string ChosenName(JsonElement choice)
    {
        var space = choice.TryGetProperty("namespace"u8, out var given) && given.ValueKind == JsonValueKind.String ? given.GetString()! : "";
        return choice.TryGetProperty("name"u8, out var name) && name.ValueKind == JsonValueKind.String && name.GetString() is { Length: > 0 } chosen
            ? NameOf(space, chosen)
            : throw new InvalidParameterException("tool_choice", "\"tool_choice\" needs the \"name\" of a tool");
    }

    /// <summary>What a call that the model made is to the client.</summary>
    /// <param name="response">Gives the item its id.</param>
    /// <param name="call">The call.</param>
    public ResponseItem ItemOf(ResponseObject response, FunctionCall call)
    {
        var tool = _byName.GetValueOrDefault(call.Name, new Tool("", call.Name, false));
        return tool.TakesText
            ? new CustomCallItem(response.NewItemId("ctc_"), call.Id, tool.Space, tool.Name, TextOf(call.Arguments))
            : new FunctionCallItem(response.NewItemId("fc_"), call with { Name = tool.Name }, tool.Space);
    }

    /// <summary>A text as the arguments of the function that stands for the tool.</summary>
    public static string ArgumentsOf(string text)
    {
        var buffer = new ArrayBufferWriter<byte>(text.Length + 16);
        using (var json = FunctionCall.PlainWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString(Text, text);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The text among the arguments; all of them where the model did not keep to the form.</summary>
    private static string TextOf(string arguments)
    {
        try
        {
            using var document = JsonDocument.Parse(arguments);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(Text, out var text) && text.ValueKind == JsonValueKind.String
                ? text.GetString()!
                : arguments;
        }
        catch (JsonException)
        {
            return arguments;
        }
    }

    private void Add(Utf8JsonWriter json, JsonElement tool, string space)
    {
        switch (KindOf(tool))
        {
            case "function":
                Declare(tool, space, takesText: false);
                ToolFields.CheckSchema(tool);
                NameOthers(tool);
                Write(json, tool, space, false);
                break;
            case "custom":
                var name = Declare(tool, space, takesText: true);
                if (tool.TryGetProperty("format"u8, out var format) && format.ValueKind == JsonValueKind.Object && KindOf(format) is not ("text" or "function"))
                    PassOver($"{Parameter}.{name}.format");
                NameOthers(tool);
                Write(json, tool, space, true);
                break;
            case "namespace" when space.Length == 0:
                var inner = RequiredName(tool);
                if (!tool.TryGetProperty(Parameter, out var tools))
                    throw new InvalidParameterException(Parameter, "a tool of type \"namespace\" needs \"tools\", an array");
                foreach (var one in Field.Items(Parameter, tools))
                    Add(json, one, inner);
                break;
            case var kind:
                PassOver($"{Parameter}.{kind}");
                break;
        }
    }

    /// <summary>Members that no model here is told of, such as <c>defer_loading</c>.</summary>
    private void NameOthers(JsonElement tool)
    {
        foreach (var member in tool.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Null && member.Name is not ("type" or "name" or "description" or "parameters" or "strict" or "format"))
                PassOver($"{Parameter}.{member.Name}");
        }
    }

    private string Declare(JsonElement tool, string space, bool takesText)
    {
        var name = RequiredName(tool);
        var flat = NameOf(space, name);
        if (_byName.TryGetValue(flat, out var other) && (other.Space != space || other.TakesText != takesText))
            throw new InvalidParameterException(Parameter, $"two tools are called \"{Field.Clip(flat)}\"; give each a name of its own");
        _byName[flat] = new Tool(space, name, takesText);
        return name;
    }

    private static void Write(Utf8JsonWriter json, JsonElement tool, string space, bool takesText)
    {
        json.WriteStartObject();
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", NameOf(space, RequiredName(tool)));
        foreach (var member in tool.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Null)
                continue;
            if (member.NameEquals("description"u8) && takesText)
                json.WriteString("description", Description(member.Value, tool));
            else if (member.NameEquals("description"u8) || (member.NameEquals("parameters"u8) && !takesText))
                member.WriteTo(json);
            // Where the node knows it, it holds; a call that must be made is held to its schema anyway.
            else if (member.NameEquals("strict"u8) && member.Value.ValueKind == JsonValueKind.True && !takesText)
                json.WriteBoolean("strict"u8, true);
        }
        if (takesText)
        {
            json.WritePropertyName("parameters");
            json.WriteRawValue("""{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"""u8);
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The model is told the grammar that its text shall have; it is not held to it.</summary>
    private static string Description(JsonElement given, JsonElement tool)
    {
        var description = given.ValueKind == JsonValueKind.String ? given.GetString()! : "";
        return tool.TryGetProperty("format"u8, out var format) && format.ValueKind == JsonValueKind.Object
            && format.TryGetProperty("definition"u8, out var grammar) && grammar.ValueKind == JsonValueKind.String
                ? $"{description}\n\nThe input follows this grammar:\n{grammar.GetString()}"
                : description;
    }

    private static string RequiredName(JsonElement tool) =>
        tool.TryGetProperty("name"u8, out var name) && name.ValueKind == JsonValueKind.String && name.GetString() is { Length: > 0 } given
            ? given
            : throw new InvalidParameterException(Parameter, "a tool needs a \"name\"");

    private static string KindOf(JsonElement tool)
    {
        var kind = "function";
        foreach (var member in Field.Members(Parameter, tool))
        {
            if (member.NameEquals("type"u8))
                Field.Read("type", member.Value, ref kind);
        }
        return kind;
    }

    private void PassOver(string what)
    {
        if (_passedOver.Count < Chasqui.Server.PassedOver.Most && !_passedOver.Contains(what))
            _passedOver.Add(what);
    }

    /// <summary>A tool as the client knows it.</summary>
    private readonly record struct Tool(string Space, string Name, bool TakesText);
}
