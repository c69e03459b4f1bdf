using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// What <c>tool_choice</c> and <c>parallel_tool_calls</c> say of the tools. Both forms are read: that of chats, where a tool is named inside of
/// <c>function</c>, and that of responses, where it is named beside its type.
/// </summary>
internal sealed class ChosenTools
{
    private const string Parameter = "tool_choice";
    private const string Allowed = "allowed_tools";

    private HashSet<string>? _allowed;
    private string? _name;
    private bool _none;
    private bool _required;
    private bool _single;

    /// <summary>Whether the model may call several tools at once.</summary>
    public bool MayCallSeveral => !_single;

    /// <summary>How it may call them; null where nothing was said.</summary>
    public ToolChoice? Choice => _none || !(_required || _single) ? null : new ToolChoice { Required = _required, Name = _name, Single = _single };

    /// <summary>Reads <c>tool_choice</c>.</summary>
    /// <param name="choice">As it came.</param>
    /// <param name="nameOf">The name under which the model knows a tool that is chosen by an object; null where it is the one in the object.</param>
    /// <exception cref="InvalidParameterException">It is none that there is.</exception>
    public void Read(JsonElement choice, Func<JsonElement, string>? nameOf = null)
    {
        if (choice.ValueKind == JsonValueKind.String)
        {
            ReadMode(choice.GetString()!);
            return;
        }
        if (choice.ValueKind != JsonValueKind.Object)
            throw Wrong();
        var type = Text(choice, "type");
        if (type == Allowed)
        {
            var allowed = choice.TryGetProperty(Allowed, out var nested) && nested.ValueKind == JsonValueKind.Object ? nested : choice;
            ReadMode(Text(allowed, "mode"));
            _allowed = [.. Field.Items(Parameter, allowed.TryGetProperty("tools", out var tools) ? tools : default).Select(tool => NameOf(tool, nameOf))];
            return;
        }
        (_none, _required, _name) = (false, true, NameOf(choice, nameOf));
    }

    /// <summary>Reads <c>parallel_tool_calls</c>.</summary>
    public void ReadParallel(JsonElement value)
    {
        var parallel = true;
        Field.Read("parallel_tool_calls", value, ref parallel);
        _single = !parallel;
    }

    /// <summary>The tools that the model is shown: those that it may call.</summary>
    public JsonElement? Shown(JsonElement? tools)
    {
        if (_none)
            return null;
        if (_allowed is null || tools is not { } offered)
            return tools;
        var shown = offered.EnumerateArray().Where(tool => _allowed.Contains(Text(tool.GetProperty("function"), "name"))).ToList();
        return shown.Count > 0 ? JsonSerializer.SerializeToElement(shown, FunctionCall.PlainOptions) : null;
    }

    private void ReadMode(string mode) => (_none, _required, _name, _allowed) = mode switch
    {
        "auto" => (false, false, null, null),
        "none" => (true, false, null, null),
        "required" => (false, true, (string?)null, (HashSet<string>?)null),
        _ => throw Wrong(),
    };

    private static string NameOf(JsonElement tool, Func<JsonElement, string>? nameOf)
    {
        if (tool.ValueKind != JsonValueKind.Object)
            throw Wrong();
        if (nameOf is not null)
            return nameOf(tool);
        var type = Text(tool, "type");
        if (type is not ("" or "function"))
            throw new InvalidParameterException(Parameter, $"\"tool_choice\" of type \"{Field.Clip(type)}\" is not supported: the tool must be one of type \"function\"");
        var function = tool.TryGetProperty("function", out var nested) && nested.ValueKind == JsonValueKind.Object ? nested : tool;
        return Text(function, "name") is { Length: > 0 } name ? name : throw new InvalidParameterException(Parameter, "\"tool_choice\" needs the \"name\" of a function");
    }

    private static string Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static InvalidParameterException Wrong() =>
        new(Parameter, "\"tool_choice\" must be \"auto\", \"none\", \"required\", or an object that names a function or allowed tools");
}
