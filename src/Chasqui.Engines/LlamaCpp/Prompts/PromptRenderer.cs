using System.Collections.Concurrent;
using Chasqui.Engines.Templates;
using Chasqui.Engines.Tools;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Prompts;

/// <summary>Makes the text that the model continues: its turns in the form that it was trained on. Thread-safe.</summary>
internal sealed partial class PromptRenderer(ILogger logger)
{
    /// <summary>Models that were warned about; names are few, and bounded all the same.</summary>
    private const int MostWarnings = 1000;

    /// <summary>How much more text than it was given a request's template may make, for each token of the context.</summary>
    private const int OwnCharactersPerToken = 16;

    private readonly ILogger _logger = logger;
    private readonly ConcurrentDictionary<string, bool> _warned = new(StringComparer.Ordinal);

    /// <summary>The prompt of a completion that is not raw.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="description">The model.</param>
    /// <param name="context">Tokens of the context, which bound what a template of the request may make.</param>
    /// <exception cref="InvalidTemplateException">The template cannot be parsed or run.</exception>
    /// <exception cref="UnsupportedCapabilityException">A suffix was given, and the template has no place for it.</exception>
    internal string Render(GenerateRequest request, ModelDescription description, int context)
    {
        var template = GoTemplateOf(request.Template, description);
        long? own = string.IsNullOrEmpty(request.Template) ? null : (long)context * OwnCharactersPerToken;
        if (!string.IsNullOrEmpty(request.Suffix))
        {
            if (template is null || !template.Uses("Suffix"))
                throw new UnsupportedCapabilityException(request.Model, "insert");
            return template.Render(new TemplateInput { Prompt = request.Prompt, Suffix = request.Suffix, OwnCharacters = own });
        }

        var turns = new List<ChatMessage>();
        var system = request.System ?? description.System;
        if (system.Length > 0)
            turns.Add(new ChatMessage { Role = "system", Content = system });
        if (request.Context is null or { Count: 0 })
            turns.AddRange(description.Messages);
        turns.Add(new ChatMessage { Role = "user", Content = request.Prompt });
        return Render(template, turns, request, tools: null, description, own);
    }

    /// <summary>The turns of a chat: the model's own, and the caller's.</summary>
    internal static List<ChatMessage> Turns(ChatRequest request, ModelDescription description)
    {
        var turns = new List<ChatMessage>(description.Messages.Count + request.Messages.Count + 1);
        var systemGiven = request.Messages is [{ } first, ..] && IsSystem(first);
        if (!systemGiven && description.System.Length > 0)
            turns.Add(new ChatMessage { Role = "system", Content = description.System });
        turns.AddRange(description.Messages);
        turns.AddRange(ToolResults.InOrderOfCalls(request.Messages).Select(m => m with { Role = m.Role.ToLowerInvariant() }));
        return turns;
    }

    /// <summary>The prompt of a chat, for some or all of its turns.</summary>
    internal string Render(ChatRequest request, IReadOnlyList<ChatMessage> turns, ModelDescription description) =>
        Render(GoTemplateOf(null, description), turns, request, request.Tools, description, own: null);

    private string Render(
        GoTemplate? template, IReadOnlyList<ChatMessage> turns, GenerationRequest request, System.Text.Json.JsonElement? tools, ModelDescription description, long? own)
    {
        if (template is not null)
        {
            var thinks = description.Summary.Capabilities.Contains("thinking");
            return template.Render(new TemplateInput
            {
                Messages = turns,
                Tools = tools,
                OwnCharacters = own,
                // A model that can think does, unless it was told not to.
                Think = request.Think is { } said ? said != "false" : thinks,
                ThinkLevel = request.Think is null or "true" or "false" ? "" : request.Think,
                IsThinkSet = request.Think is not null || thinks,
            });
        }

        var name = description.Summary.Name;
        if (description.Template is not { Length: > 0 } jinja)
        {
            if (FirstTime(name))
                NoTemplate(name);
            return Plain(turns);
        }

        if (NativeChatTemplate.Render(jinja, turns) is { } prompt)
            return prompt;
        var family = KnownTemplates.Recognize(jinja) ?? KnownTemplates.ChatMl;
        if (FirstTime(name))
            UnknownTemplate(name, family.Family);
        return GoTemplate.Parse(family.Template).Render(new TemplateInput { Messages = turns });
    }

    private static GoTemplate? GoTemplateOf(string? replacement, ModelDescription description) => replacement switch
    {
        { Length: > GoTemplate.MaxRequestLength } => throw new InvalidTemplateException(FormattableString.Invariant(
            $"template: the text has {replacement.Length} characters, but that of a request may have at most {GoTemplate.MaxRequestLength}")),
        { Length: > 0 } => GoTemplate.Parse(replacement),
        _ when description.TemplateIsGo && description.Template.Length > 0 => GoTemplate.Parse(description.Template),
        _ => null,
    };

    private static bool IsSystem(ChatMessage message) => message.Role.Equals("system", StringComparison.OrdinalIgnoreCase);

    private static string Plain(IReadOnlyList<ChatMessage> turns) => string.Join("\n\n", turns.Select(t => t.Content));

    private bool FirstTime(string model) => _warned.Count < MostWarnings && _warned.TryAdd(model, true);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Model} has no chat template: its turns are given to it one after another, with blank lines between them")]
    private partial void NoTemplate(string model);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The chat template of {Model} is not one of those that llama.cpp recognises: the template of {Family} is used instead")]
    private partial void UnknownTemplate(string model, string family);
}
