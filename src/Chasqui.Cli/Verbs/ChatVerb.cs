using System.CommandLine;

namespace Chasqui.Cli;

/// <summary><c>chat</c>: a conversation, on a terminal or a line at a time from a pipe.</summary>
internal static class ChatVerb
{
    public static Command Build(CliContext context)
    {
        var command = new Command("chat", "Talk with a model; /help lists what can be said beside that");
        var flags = new GenerationFlags(command);
        var session = new Option<string?>("--session") { HelpName = "ID", Description = "Record the conversation in this session of the gateway, and go on from what is there; 'new' makes one" };
        command.Add(session);
        command.SetAction(async (parsed, _) =>
        {
            var console = context.Console;
            // At the prompt Ctrl-C ends nothing; while an answer is made, an inner scope takes it.
            ChatLoop? loop = null;
            using var scope = context.Interrupts.Begin(onInterrupt: () =>
            {
                if (!console.InputIsTerminal || loop is null)
                    return true;
                loop.Interrupted();
                return false;
            });
            var server = GlobalOptions.ServerOf(parsed, context);
            var options = flags.Options(parsed);
            var format = flags.Format(parsed);
            await using var host = await context.Hosts(parsed).ChooseAsync(server, scope.Token);
            var conversation = new Conversation
            {
                Model = await ModelNames.ChooseAsync(flags.Model(parsed), host, console, scope.Token),
                System = flags.System(parsed),
                Options = options,
                Format = format,
                Session = parsed.GetValue(session) is { } id ? await ChatSession.OpenAsync(host, id, scope.Token) : null,
            };
            loop = new ChatLoop(console, context.Interrupts, host, conversation, parsed.GetValue(GlobalOptions.Json), context.ChatHistory);
            return await loop.RunAsync(scope.Token);
        });
        return command;
    }
}
