namespace Chasqui.Server;

/// <summary>There is no such response, or no such item, for the caller: it never was, was not kept, was deleted, or was forgotten.</summary>
/// <param name="what">What is missing.</param>
/// <param name="parameter">The field that named it; null for the path.</param>
/// <param name="code">OpenAI's code; null for none.</param>
internal sealed class ResponseNotFoundException(string what, string? parameter = null, string? code = null) : EngineException(what)
{
    public string? Parameter { get; } = parameter;

    public string? Code { get; } = code;

    public static ResponseNotFoundException Of(string id) => new($"Response with id '{Field.Clip(id)}' not found.");

    public static ResponseNotFoundException Previous(string id) =>
        new($"Previous response with id '{Field.Clip(id)}' not found.", "previous_response_id", "previous_response_not_found");

    public static ResponseNotFoundException Item(string id) => new(
        $"Item with id '{Field.Clip(id)}' not found. Items of a response are kept unless \"store\" is false, and for a while; send the item itself.", "input");
}
